//! The first fault that a verification finds, and where.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditFaultKind {
    /// A row differs from what was sealed.
    Altered,
    /// A sealed row is missing.
    Removed,
    /// A row exists that was not sealed at its position.
    Added,
    /// A row stands at another position than the one at which it was sealed.
    OutOfOrder,
    /// A seal is missing, repeated, replaced or not signed.
    Seal,
    /// The list of rows of a seal differs from what was sealed.
    Batch,
    /// The newest seal counts more or fewer rows than exist: the log is cut off at its end.
    State,
}

/// The first fault in an audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditFault {
    /// Kind of the fault.
    pub fault: AuditFaultKind,
    /// Number of the seal in which it shows.
    pub seal: u64,
    /// Id of the row, where the fault concerns one row.
    pub row: Option<Uuid>,
    /// Description.
    pub detail: String,
}

impl AuditFault {
    pub(super) fn row(fault: AuditFaultKind, seal: u64, row: Uuid, detail: &str) -> Self {
        Self { fault, seal, row: Some(row), detail: detail.to_owned() }
    }

    /// A fault in the number of rows that a seal states.
    pub fn state(seal: u64, detail: &str) -> Self {
        Self::seal(AuditFaultKind::State, seal, detail)
    }

    /// A fault of a seal itself.
    pub fn missing(seal: u64, detail: &str) -> Self {
        Self::seal(AuditFaultKind::Seal, seal, detail)
    }

    pub(super) fn seal(fault: AuditFaultKind, seal: u64, detail: impl Into<String>) -> Self {
        Self { fault, seal, row: None, detail: detail.into() }
    }
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row} (seal {}): {}", self.seal, self.detail),
            None => write!(f, "seal {}: {}", self.seal, self.detail),
        }
    }
}
