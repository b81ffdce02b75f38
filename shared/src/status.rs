//! The status of a resource that can be suspended.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Status of an account, a user or a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In use.
    Active,
    /// Suspended: an account rejects secret writes and reveals; a user cannot sign in, nor can any user of a tenant.
    Suspended,
}

/// A text that is not the name of a status.
#[derive(Debug, thiserror::Error)]
#[error("no such status: use active or suspended")]
pub struct UnknownStatus;

impl Status {
    /// Name in rows and responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Active, Self::Suspended].into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}
