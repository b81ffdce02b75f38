//! Whether something that can be suspended is in use.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether an account, a user or a tenant is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In use.
    Active,
    /// Kept, but out of use: an account refuses secret writes and reveals, nobody signs in as the user or in the tenant.
    Suspended,
}

/// A text that names no status.
#[derive(Debug, thiserror::Error)]
#[error("no such status: use active or suspended")]
pub struct UnknownStatus;

impl Status {
    /// Its name in rows and answers.
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
