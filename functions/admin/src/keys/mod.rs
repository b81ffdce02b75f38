//! `/admin/keys`.

pub(crate) mod rotate;
