//! `/admin/backups`.

pub(crate) mod list;
