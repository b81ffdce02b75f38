//! `/admin/tenants`.

pub(crate) mod create;
mod quotas;
pub(crate) mod update;
