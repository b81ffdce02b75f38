//! `/admin/users`.

pub(crate) mod create;
pub(crate) mod update;
