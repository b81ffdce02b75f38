//! The error of a file that is not a list of rows.

/// A file of a standard that is not TOML of the expected form, or has a row that is not decided.
#[derive(Debug, thiserror::Error)]
#[error("a standard cannot be read: {0}")]
pub struct StandardsError(pub(super) toml::de::Error);
