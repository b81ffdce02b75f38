//! Makes a seal of rows: a batch for each tenant that has any, the state tree with them, and what the audit key is to sign.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::merkle::Levels;
use super::{AuditRow, Batch, Dropped, Entry, FORMAT, Place, Position, Seal, State, StateTree, batch};
use crate::id::TenantId;

/// The transactions that a seal covers, of one epoch: all of them have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The epoch.
    pub epoch: i32,
    /// The first transaction.
    pub from: u64,
    /// The first one that is not covered.
    pub to: u64,
}

/// Seals the rows of a span, which are in order. `states` are those of the seal before, and become those of this one.
pub fn seal(
    previous: Option<&Position>,
    states: &mut StateTree,
    span: Span,
    rows: &[AuditRow],
    drops: Vec<Dropped>,
    sealed_at: Timestamp,
) -> (Seal, Vec<Batch>) {
    let mut of_tenants: BTreeMap<TenantId, Vec<Entry>> = BTreeMap::new();
    for row in rows {
        of_tenants.entry(row.tenant_id).or_default().push(Entry { id: row.id, hash: row.hash() });
    }
    let mut batches = Vec::with_capacity(of_tenants.len());
    for (tenant_id, entries) in of_tenants {
        let before = states.0.get(&tenant_id).copied();
        let (root, count) = (Batch::root_of(&entries), entries.len() as u64);
        let total = before.map_or(0, |state| state.total) + count;
        let head = batch::head(before.map(|state| state.head), root, count, total);
        states.0.insert(tenant_id, State { total, head });
        let place = Place { index: 0, size: 0, path: Vec::new() };
        batches.push(Batch { tenant_id, count, total, root, head, entries, place });
    }
    let (tree, index) = (Levels::above(states.leaves()), states.index());
    for batch in &mut batches {
        if let Some(index) = index.get(&batch.tenant_id) {
            batch.place = Place::of(&tree, *index);
        }
    }
    let seal = Seal {
        format: FORMAT,
        number: previous.map_or(1, |position| position.number + 1),
        epoch: span.epoch,
        from_transaction: span.from,
        to_transaction: span.to,
        rows: rows.len() as u64,
        sealed_at,
        previous: previous.map(|position| position.hash),
        state_root: tree.root(),
        state_size: tree.size(),
        drops,
    };
    (seal, batches)
}
