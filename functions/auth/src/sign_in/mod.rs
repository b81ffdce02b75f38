//! Shared by the routes that sign a user in.

pub(crate) mod grant;
pub(crate) mod throttle;
