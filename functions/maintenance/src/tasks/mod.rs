//! The tasks, one file each.

pub(crate) mod drift;
pub(crate) mod expire;
pub(crate) mod measure;
pub(crate) mod partitions;
pub(crate) mod reencrypt;
pub(crate) mod seal;
