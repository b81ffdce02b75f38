//! What a verification found wrong: the first thing, and where.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What kind of change was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditFault)]
pub enum Fault {
    /// A row is not as it was sealed.
    Altered,
    /// A row that was sealed is gone.
    Removed,
    /// A row is there that was not sealed in its place.
    Added,
    /// A row stands in another place than where it was sealed.
    OutOfOrder,
    /// A seal is missing, repeated, replaced or not signed.
    Seal,
    /// A seal's list of rows is not the one that was sealed.
    Batch,
    /// The newest seal counts other rows than there are: something is missing at the end.
    State,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditBad)]
pub struct Bad {
    /// What kind of change it is.
    pub fault: Fault,
    /// The number of the seal in which it shows.
    pub seal: u64,
    /// The row, where it is one.
    pub row: Option<Uuid>,
    /// What was found, in words.
    pub detail: String,
}

impl Bad {
    pub(super) fn row(fault: Fault, seal: u64, row: Uuid, detail: &str) -> Self {
        Self { fault, seal, row: Some(row), detail: detail.to_owned() }
    }

    /// Something is wrong with what a seal counts.
    pub fn state(seal: u64, detail: &str) -> Self {
        Self::seal(Fault::State, seal, detail)
    }

    /// Something is wrong with a seal itself.
    pub fn missing(seal: u64, detail: &str) -> Self {
        Self::seal(Fault::Seal, seal, detail)
    }

    pub(super) fn seal(fault: Fault, seal: u64, detail: impl Into<String>) -> Self {
        Self { fault, seal, row: None, detail: detail.into() }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row} (seal {}): {}", self.seal, self.detail),
            None => write!(f, "seal {}: {}", self.seal, self.detail),
        }
    }
}
