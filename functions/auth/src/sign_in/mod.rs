//! Shared by the routes that sign a user in: the throttle of failed attempts, and the tokens that a sign-in returns.

pub(crate) mod grant;
pub(crate) mod throttle;
