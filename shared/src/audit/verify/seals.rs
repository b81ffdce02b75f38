//! The chain of seals: signed, complete, in order, and each tenant's batches adding up to what the newest seal says.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::{
    AuditKeys, Bad, Batch, Document, Dropped, Fault, Hash, Seal, Standing, State, StateTree, batch, merkle,
};
use crate::id::TenantId;

/// Where the chain stands after a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The seal's number.
    pub number: u64,
    /// Its digest.
    pub hash: Hash,
    /// Its epoch.
    pub epoch: i32,
    /// The transaction that the next seal begins with.
    pub to_transaction: u64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// Checks seals one after the other.
pub struct Verifier<'a> {
    keys: &'a AuditKeys,
    position: Option<Position>,
    states: StateTree,
    /// Whether every batch of every seal came along, so that the states are those of all tenants.
    whole: bool,
    /// The tenants whose state the newest seal was seen to hold.
    proven: BTreeSet<TenantId>,
    drops: Vec<Dropped>,
}

impl<'a> Verifier<'a> {
    /// From the first seal on.
    pub fn new(keys: &'a AuditKeys) -> Self {
        let (states, proven) = (StateTree::default(), BTreeSet::new());
        Self { keys, position: None, states, whole: true, proven, drops: Vec::new() }
    }

    /// From a seal on that was found good before, and where one tenant stood there.
    pub fn resume(keys: &'a AuditKeys, position: Position, tenant: TenantId, state: Option<State>) -> Self {
        let mut verifier = Self::new(keys);
        verifier.position = Some(position);
        verifier.whole = false;
        verifier.states.0.extend(state.map(|state| (tenant, state)));
        verifier
    }

    /// Where the chain stands.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Where a tenant stands.
    pub fn state(&self, tenant: TenantId) -> Option<State> {
        self.states.0.get(&tenant).copied()
    }

    /// The months that were dropped by what was read so far.
    pub fn drops(&self) -> &[Dropped] {
        &self.drops
    }

    /// Checks the next seal, and the batches that came along.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn next(&mut self, document: &Document) -> Result<Seal, Bad> {
        let expected = self.position.as_ref().map_or(1, |position| position.number + 1);
        let opened = self.keys.open(&document.seal);
        let (seal, hash) = opened.map_err(|error| Bad::seal(Fault::Seal, expected, error.to_string()))?;
        self.follows(&seal, expected)?;
        self.proven.clear();
        for batch in &document.batches {
            self.take(&seal, batch)?;
        }
        let there: u64 = document.batches.iter().map(|batch| batch.count).sum();
        if there > seal.rows {
            return Err(Bad::seal(Fault::Batch, seal.number, "there are more rows than it seals"));
        }
        self.whole &= there == seal.rows;
        if self.whole {
            let leaves = self.states.leaves();
            if merkle::root(&leaves) != seal.state_root || leaves.len() as u64 != seal.state_size {
                return Err(Bad::seal(Fault::State, seal.number, "the batches do not add up to the state it signs"));
            }
        }
        if let Some(standing) = &document.state {
            self.stands(&seal, standing)?;
        }
        self.drops.extend(seal.drops.iter().cloned());
        self.position = Some(Position {
            number: seal.number,
            hash,
            epoch: seal.epoch,
            to_transaction: seal.to_transaction,
            sealed_at: seal.sealed_at,
        });
        Ok(seal)
    }

    /// Whether the newest seal proves that nothing of the tenant is missing.
    pub fn proves(&self, tenant: TenantId) -> Result<(), Bad> {
        match &self.position {
            Some(position) if !self.whole && !self.proven.contains(&tenant) => {
                let detail = "it does not prove how many rows the tenant has; fetch the seals to their end";
                Err(Bad::seal(Fault::State, position.number, detail))
            }
            _ => Ok(()),
        }
    }

    /// The seal is the next one: nothing is left out, nothing told twice.
    fn follows(&self, seal: &Seal, expected: u64) -> Result<(), Bad> {
        let bad = |detail: &str| Err(Bad::seal(Fault::Seal, expected, detail));
        if seal.number != expected {
            return bad(&format!("seal {} stands in its place", seal.number));
        }
        if seal.previous != self.position.as_ref().map(|position| position.hash) {
            return bad("it does not name the seal before it");
        }
        let begins = match &self.position {
            Some(before) if before.epoch == seal.epoch => seal.from_transaction == before.to_transaction,
            // The last seal of an epoch takes in all that is left of it.
            Some(before) => {
                seal.epoch > before.epoch && before.to_transaction == u64::MAX && seal.from_transaction == 0
            }
            None => seal.from_transaction == 0,
        };
        if !begins || seal.to_transaction < seal.from_transaction {
            return bad("its transactions do not follow those of the seal before it");
        }
        Ok(())
    }

    /// Adds a batch to its tenant's chain.
    fn take(&mut self, seal: &Seal, batch: &Batch) -> Result<(), Bad> {
        let bad = |detail: &str| Err(Bad::seal(Fault::Batch, seal.number, detail));
        if self.proven.contains(&batch.tenant_id) {
            return bad("a tenant has two batches in it");
        }
        let before = self.states.0.get(&batch.tenant_id).copied();
        if batch.count == 0 || batch.entries.len() as u64 != batch.count || Batch::root_of(&batch.entries) != batch.root
        {
            return bad("the entries are not those that were sealed");
        }
        let total = before.map_or(0, |state| state.total).checked_add(batch.count);
        if Some(batch.total) != total {
            return bad("the rows before it are not as many as were sealed");
        }
        let state = State { total: batch.total, head: batch.head };
        if batch::head(before.map(|state| state.head), batch.root, batch.count, batch.total) != batch.head {
            return bad("it does not follow the tenant's batch before it");
        }
        if batch.place.size != seal.state_size || batch.place.root(batch.tenant_id, &state) != Some(seal.state_root) {
            return bad("the seal does not hold it");
        }
        self.states.0.insert(batch.tenant_id, state);
        self.proven.insert(batch.tenant_id);
        Ok(())
    }

    /// Checks what the seal says of a tenant without new rows.
    fn stands(&mut self, seal: &Seal, standing: &Standing) -> Result<(), Bad> {
        let Standing { tenant_id, total, head, place } = standing;
        let state = State { total: *total, head: *head };
        if place.size != seal.state_size || place.root(*tenant_id, &state) != Some(seal.state_root) {
            return Err(Bad::seal(Fault::State, seal.number, "it does not hold the state that came along"));
        }
        let known = self.states.0.get(tenant_id).copied();
        if known != Some(state) {
            let counted = known.map_or(0, |state| state.total);
            let detail = format!("it counts {total} rows of the tenant, the batches hold {counted}");
            return Err(Bad::seal(Fault::State, seal.number, detail));
        }
        self.proven.insert(*tenant_id);
        Ok(())
    }
}
