//! Verification: the seals in order, each with its batches, then each batch against its rows.

mod rows;
mod seals;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{AuditFault, AuditKeys, AuditRow, BatchEntry, InvalidRow, SealDocument};
use crate::id::TenantId;

pub use rows::{compare, is_dropped};
pub use seals::{ChainPosition, Verifier};

/// Reason for which an export does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// It differs from what was sealed.
    #[error("{0}")]
    Fault(AuditFault),
    /// It cannot be read.
    #[error("the export: {0}")]
    Row(#[from] InvalidRow),
}

impl From<AuditFault> for VerificationError {
    fn from(fault: AuditFault) -> Self {
        Self::Fault(fault)
    }
}

/// Result of a verification without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Number of seals.
    pub seals: u64,
    /// Number of rows of the tenant that they seal.
    pub rows: u64,
    /// Number of those rows that were dropped with their month.
    pub dropped: u64,
    /// Number of rows that are not sealed yet.
    pub unsealed: u64,
    /// Number and time of the newest seal.
    pub through: Option<(u64, Timestamp)>,
}

/// Verifies the export of a tenant, in the order of the export, against all seals from the first to the newest.
///
/// # Errors
/// The first fault, with its seal and row.
pub fn verify(
    keys: &AuditKeys,
    documents: &[SealDocument],
    tenant: TenantId,
    rows: impl IntoIterator<Item = Result<AuditRow, InvalidRow>>,
) -> Result<Verified, VerificationError> {
    let mut verifier = Verifier::new(keys);
    let (mut ends, mut entries) = (Vec::with_capacity(documents.len()), BTreeMap::new());
    for document in documents {
        let seal = verifier.next(document)?;
        ends.push((seal.number, (seal.epoch, seal.to_transaction)));
        let own = document.batches.iter().find(|batch| batch.tenant_id == tenant);
        entries.extend(own.map(|batch| (seal.number, batch.entries.as_slice())));
    }
    verifier.proves(tenant)?;
    let mut rows = rows.into_iter().peekable();
    let mut found = Verified { seals: ends.len() as u64, rows: 0, dropped: 0, unsealed: 0, through: None };
    found.through = verifier.position().map(|position| (position.number, position.sealed_at));
    for (number, end) in ends {
        let there = before(&mut rows, end)?;
        let sealed: &[BatchEntry] = entries.get(&number).copied().unwrap_or_default();
        compare(number, sealed, &there, verifier.drops())?;
        found.rows += sealed.len() as u64;
        found.dropped += (sealed.len() - there.len().min(sealed.len())) as u64;
    }
    for row in rows {
        row?;
        found.unsealed += 1;
    }
    Ok(found)
}

/// Takes rows up to the first that belongs behind `end`.
fn before(
    rows: &mut std::iter::Peekable<impl Iterator<Item = Result<AuditRow, InvalidRow>>>,
    end: (i32, u64),
) -> Result<Vec<AuditRow>, InvalidRow> {
    let belongs = |row: &Result<AuditRow, _>| row.as_ref().map_or(true, |row| (row.epoch, row.transaction_id) < end);
    std::iter::from_fn(|| rows.next_if(belongs)).collect()
}
