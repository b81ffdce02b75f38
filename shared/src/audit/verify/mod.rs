//! Verification: seals one after the other, each with the batches that came along, then each batch against its rows.

mod rows;
mod seals;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{AuditKeys, AuditRow, Bad, Document, Entry, Unreadable};
use crate::id::TenantId;

pub use rows::{compare, is_dropped};
pub use seals::{Position, Verifier};

/// Why an export was not found good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is not what was sealed.
    #[error("{0}")]
    Bad(Bad),
    /// It cannot be read.
    #[error("the export: {0}")]
    Unreadable(#[from] Unreadable),
}

impl From<Bad> for Failure {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

/// What was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many seals there are.
    pub seals: u64,
    /// How many rows of the tenant they seal.
    pub rows: u64,
    /// How many of those were dropped with their month.
    pub dropped: u64,
    /// How many rows are too new to be sealed.
    pub unsealed: u64,
    /// The newest seal's number and time.
    pub through: Option<(u64, Timestamp)>,
}

/// Verifies a tenant's export, in the order in which it was exported, against all seals from the first to the newest.
///
/// # Errors
/// The first thing that is wrong, by its seal and row.
pub fn verify(
    keys: &AuditKeys,
    documents: &[Document],
    tenant: TenantId,
    rows: impl IntoIterator<Item = Result<AuditRow, Unreadable>>,
) -> Result<Verified, Failure> {
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
        let sealed: &[Entry] = entries.get(&number).copied().unwrap_or_default();
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

/// The next rows, up to the first that belongs behind `end`.
fn before(
    rows: &mut std::iter::Peekable<impl Iterator<Item = Result<AuditRow, Unreadable>>>,
    end: (i32, u64),
) -> Result<Vec<AuditRow>, Unreadable> {
    let belongs = |row: &Result<AuditRow, _>| row.as_ref().map_or(true, |row| (row.epoch, row.transaction_id) < end);
    std::iter::from_fn(|| rows.next_if(belongs)).collect()
}
