//! Verifies the chain of seals: signed, complete, in order, and each tenant's batches adding up to the state in the newest
//! seal.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::{
    AuditFault, AuditFaultKind, AuditKeys, Batch, ChainState, DroppedMonth, Hash, ProvenState, RecordedRestore, Seal,
    SealDocument, StateTree, batch, merkle,
};
use crate::id::TenantId;

/// Position in the chain after a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPosition {
    /// Number of the seal.
    pub number: u64,
    /// Digest of the seal.
    pub hash: Hash,
    /// Epoch of the seal.
    pub epoch: i32,
    /// First transaction of the next seal.
    pub to_transaction: u64,
    /// Time of the sealing.
    pub sealed_at: Timestamp,
}

/// Verifies seals in order.
pub struct Verifier<'a> {
    keys: &'a AuditKeys,
    position: Option<ChainPosition>,
    states: StateTree,
    /// Whether every batch of every seal was given, so that the states are those of all tenants.
    complete: bool,
    /// Tenants whose state the newest seal proves.
    proven: BTreeSet<TenantId>,
    drops: Vec<DroppedMonth>,
    restores: Vec<(u64, RecordedRestore)>,
}

impl<'a> Verifier<'a> {
    /// Starts at the first seal.
    pub fn new(keys: &'a AuditKeys) -> Self {
        let (states, proven) = (StateTree::default(), BTreeSet::new());
        Self { keys, position: None, states, complete: true, proven, drops: Vec::new(), restores: Vec::new() }
    }

    /// Starts after a seal that was verified before, with the state of one tenant there.
    pub fn resume(keys: &'a AuditKeys, position: ChainPosition, tenant: TenantId, state: Option<ChainState>) -> Self {
        let mut verifier = Self::new(keys);
        verifier.position = Some(position);
        verifier.complete = false;
        verifier.states.0.extend(state.map(|state| (tenant, state)));
        verifier
    }

    /// Returns the position in the chain.
    pub fn position(&self) -> Option<&ChainPosition> {
        self.position.as_ref()
    }

    /// Returns the state of a tenant.
    pub fn state(&self, tenant: TenantId) -> Option<ChainState> {
        self.states.0.get(&tenant).copied()
    }

    /// Returns the months that the seals so far name as dropped.
    pub fn drops(&self) -> &[DroppedMonth] {
        &self.drops
    }

    /// Returns the restores that the seals so far record, each with the number of its seal.
    pub fn restores(&self) -> &[(u64, RecordedRestore)] {
        &self.restores
    }

    /// Verifies the next seal, and its batches.
    ///
    /// # Errors
    /// The first fault.
    pub fn next(&mut self, document: &SealDocument) -> Result<Seal, AuditFault> {
        let expected = self.position.as_ref().map_or(1, |position| position.number + 1);
        let opened = self.keys.open(&document.seal);
        let (seal, hash) =
            opened.map_err(|error| AuditFault::seal(AuditFaultKind::Seal, expected, error.to_string()))?;
        let follows = seal.follows(self.position.as_ref());
        follows.map_err(|detail| AuditFault::seal(AuditFaultKind::Seal, expected, detail))?;
        self.proven.clear();
        for batch in &document.batches {
            self.apply(&seal, batch)?;
        }
        let given: u64 = document.batches.iter().map(|batch| batch.count).sum();
        if given > seal.rows {
            return Err(AuditFault::seal(
                AuditFaultKind::Batch,
                seal.number,
                "its batches have more rows than it states",
            ));
        }
        self.complete &= given == seal.rows;
        if self.complete {
            let leaves = self.states.leaves();
            if merkle::root(&leaves) != seal.state_root || leaves.len() as u64 != seal.state_size {
                return Err(AuditFault::seal(
                    AuditFaultKind::State,
                    seal.number,
                    "the batches do not add up to the signed state",
                ));
            }
        }
        if let Some(proven) = &document.state {
            self.check_state(&seal, proven)?;
        }
        self.drops.extend(seal.drops.iter().cloned());
        self.restores.extend(seal.restore.map(|restore| (seal.number, restore)));
        self.position = Some(ChainPosition {
            number: seal.number,
            hash,
            epoch: seal.epoch,
            to_transaction: seal.to_transaction,
            sealed_at: seal.sealed_at,
        });
        Ok(seal)
    }

    /// Checks that the newest seal proves that no row of the tenant is missing.
    pub fn proves(&self, tenant: TenantId) -> Result<(), AuditFault> {
        match &self.position {
            Some(position) if !self.complete && !self.proven.contains(&tenant) => {
                let detail = "it does not prove the number of rows of the tenant; fetch all seals to the newest";
                Err(AuditFault::seal(AuditFaultKind::State, position.number, detail))
            }
            _ => Ok(()),
        }
    }

    /// Verifies a batch and adds it to its tenant's chain.
    fn apply(&mut self, seal: &Seal, batch: &Batch) -> Result<(), AuditFault> {
        let bad = |detail: &str| Err(AuditFault::seal(AuditFaultKind::Batch, seal.number, detail));
        if self.proven.contains(&batch.tenant_id) {
            return bad("a tenant has two batches in it");
        }
        let before = self.states.0.get(&batch.tenant_id).copied();
        if batch.count == 0 || batch.entries.len() as u64 != batch.count || Batch::root_of(&batch.entries) != batch.root
        {
            return bad("the entries differ from those that were sealed");
        }
        let total = before.map_or(0, |state| state.total).checked_add(batch.count);
        if Some(batch.total) != total {
            return bad("the number of rows before it differs from what was sealed");
        }
        let state = ChainState { total: batch.total, head: batch.head };
        if batch::head(before.map(|state| state.head), batch.root, batch.count, batch.total) != batch.head {
            return bad("it does not follow the tenant's previous batch");
        }
        if batch.place.size != seal.state_size || batch.place.root(batch.tenant_id, &state) != Some(seal.state_root) {
            return bad("the seal does not contain it");
        }
        self.states.0.insert(batch.tenant_id, state);
        self.proven.insert(batch.tenant_id);
        Ok(())
    }

    /// Verifies the state of a tenant without new rows.
    fn check_state(&mut self, seal: &Seal, proven: &ProvenState) -> Result<(), AuditFault> {
        let ProvenState { tenant_id, total, head, place } = proven;
        let state = ChainState { total: *total, head: *head };
        if place.size != seal.state_size || place.root(*tenant_id, &state) != Some(seal.state_root) {
            return Err(AuditFault::seal(
                AuditFaultKind::State,
                seal.number,
                "it does not contain the state of the tenant",
            ));
        }
        let known = self.states.0.get(tenant_id).copied();
        if known != Some(state) {
            let counted = known.map_or(0, |state| state.total);
            let detail = format!("it states {total} rows of the tenant, the batches contain {counted}");
            return Err(AuditFault::seal(AuditFaultKind::State, seal.number, detail));
        }
        self.proven.insert(*tenant_id);
        Ok(())
    }
}
