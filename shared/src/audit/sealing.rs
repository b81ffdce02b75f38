//! Builds a seal from rows: a batch for each tenant that has any, the state tree with them, and the content to be signed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::merkle::MerkleLevels;
use super::{
    AuditRow, Batch, BatchEntry, ChainPosition, ChainState, DroppedMonth, FORMAT, MerklePosition, RecordedRestore,
    Seal, StateTree, batch,
};
use crate::id::TenantId;

/// The transactions that a seal covers. They belong to one epoch, and all of them have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionRange {
    /// Epoch.
    pub epoch: i32,
    /// First transaction.
    pub from: u64,
    /// First transaction after those.
    pub to: u64,
}

/// What a seal states beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announcements {
    /// Months that may be dropped.
    pub drops: Vec<DroppedMonth>,
    /// The restore that it follows.
    pub restore: Option<RecordedRestore>,
}

/// Seals the rows of a range of transactions, in order. `states` are those of the seal before, and become those of this seal.
pub fn seal(
    previous: Option<&ChainPosition>,
    states: &mut StateTree,
    range: TransactionRange,
    rows: &[AuditRow],
    announcements: Announcements,
    sealed_at: Timestamp,
) -> (Seal, Vec<Batch>) {
    let mut of_tenants: BTreeMap<TenantId, Vec<BatchEntry>> = BTreeMap::new();
    for row in rows {
        of_tenants.entry(row.tenant_id).or_default().push(BatchEntry { id: row.id, hash: row.hash() });
    }
    let mut batches = Vec::with_capacity(of_tenants.len());
    for (tenant_id, entries) in of_tenants {
        let before = states.0.get(&tenant_id).copied();
        let (root, count) = (Batch::root_of(&entries), entries.len() as u64);
        let total = before.map_or(0, |state| state.total) + count;
        let head = batch::head(before.map(|state| state.head), root, count, total);
        states.0.insert(tenant_id, ChainState { total, head });
        let place = MerklePosition { index: 0, size: 0, path: Vec::new() };
        batches.push(Batch { tenant_id, count, total, root, head, entries, place });
    }
    let (tree, index) = (MerkleLevels::above(states.leaves()), states.index());
    for batch in &mut batches {
        if let Some(index) = index.get(&batch.tenant_id) {
            batch.place = MerklePosition::of(&tree, *index);
        }
    }
    let seal = Seal {
        format: FORMAT,
        number: previous.map_or(1, |position| position.number + 1),
        epoch: range.epoch,
        from_transaction: range.from,
        to_transaction: range.to,
        rows: rows.len() as u64,
        sealed_at,
        previous: previous.map(|position| position.hash),
        state_root: tree.root(),
        state_size: tree.size(),
        drops: announcements.drops,
        restore: announcements.restore,
    };
    (seal, batches)
}
