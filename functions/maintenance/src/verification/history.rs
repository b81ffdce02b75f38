//! The history as the stored seals tell it: one chain, in which a recorded restore replaces the end of an earlier one.

use holdfast_shared::audit::{AuditKeys, ChainPosition, DroppedMonth, Hash, Seal, SealDocument};
use jiff::SignedDuration;

use super::finding::{Finding, FindingKind};
use crate::error::TaskError;
use crate::store::SealStore;

/// Names that one request for a list returns.
const PAGE: usize = 1000;

/// A stored seal that is part of the history.
#[derive(Debug, Clone)]
pub(super) struct StoredSeal {
    /// Name of its object.
    pub(super) name: String,
    /// The seal.
    pub(super) seal: Seal,
    /// Its digest.
    pub(super) hash: Hash,
}

/// The stored seals, from the first to the newest.
pub(super) struct History {
    /// The seals that count, in order.
    pub(super) seals: Vec<StoredSeal>,
    /// Restores that seals record: the seal, and the newest one that was given up.
    pub(super) restores: Vec<(u64, u64)>,
    /// Names of all objects, those that were given up included.
    names: Vec<String>,
    /// Whether the seals begin with the first one.
    is_whole: bool,
}

impl History {
    /// Reads the newest seals of a store, or all.
    pub(super) async fn read(
        store: &SealStore,
        keys: &AuditKeys,
        newest: Option<usize>,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, TaskError> {
        for object in store.changed().await? {
            let detail = format!("it has {} versions or markers of deletion; a seal has one", object.versions);
            findings.push(Finding::new(FindingKind::Versions, store.location(&object.name), detail));
        }
        let names = names(store).await?;
        let from = newest.map_or(0, |newest| names.len().saturating_sub(newest));
        let mut history = Self { seals: Vec::new(), restores: Vec::new(), names, is_whole: from == 0 };
        for name in history.names.iter().skip(from).cloned().collect::<Vec<_>>() {
            let text = store.read(&name).await?.unwrap_or_default();
            match open(keys, &name, &text) {
                Ok((seal, hash)) => history.add(StoredSeal { name, seal, hash }, findings),
                Err(detail) => findings.push(Finding::new(FindingKind::StoredObject, store.location(&name), detail)),
            }
        }
        Ok(history)
    }

    /// Number of stored objects.
    pub(super) fn objects(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there is an object for a seal of this number, genuine or not.
    pub(super) fn has_object(&self, number: i64) -> bool {
        let end = format!("/{number:020}.json");
        self.names.iter().any(|name| name.ends_with(&end))
    }

    /// Number of the first seal that was read.
    pub(super) fn first(&self) -> u64 {
        self.seals.first().map_or(1, |stored| stored.seal.number)
    }

    /// Months that seals name as dropped.
    pub(super) fn drops(&self) -> Vec<DroppedMonth> {
        self.seals.iter().flat_map(|stored| stored.seal.drops.iter().cloned()).collect()
    }

    fn add(&mut self, next: StoredSeal, findings: &mut Vec<Finding>) {
        if let Some(restore) = next.seal.restore {
            let given_up =
                self.seals.last().is_some_and(|last| (last.seal.number, last.hash) == (restore.newest, restore.hash));
            if !given_up {
                let detail = "it records a restore over another seal than the newest one before it";
                findings.push(Finding::new(FindingKind::BrokenChain, &next.name, detail));
            }
            self.seals.retain(|stored| stored.seal.number < next.seal.number);
            self.restores.push((next.seal.number, restore.newest));
        }
        if self.seals.is_empty() && !self.is_whole {
            self.seals.push(next);
            return;
        }
        let last = self.seals.last();
        let position = last.map(|last| ChainPosition::after(&last.seal, last.hash));
        if let Err(detail) = next.seal.follows(position.as_ref()) {
            findings.push(Finding::new(FindingKind::BrokenChain, &next.name, detail));
        }
        if let Some(last) = last
            && next.seal.sealed_at < last.seal.sealed_at - SignedDuration::from_mins(5)
        {
            let detail = format!("it was sealed at {}, before the seal before it", next.seal.sealed_at);
            findings.push(Finding::new(FindingKind::Clock, &next.name, detail));
        }
        self.seals.push(next);
    }

    /// Compares the witness with this store. A witness that was added later begins later.
    pub(super) async fn compare_witness(
        &self,
        witness: &SealStore,
        findings: &mut Vec<Finding>,
    ) -> Result<(), TaskError> {
        for object in witness.changed().await? {
            let detail = format!("it has {} versions or markers of deletion; a seal has one", object.versions);
            findings.push(Finding::new(FindingKind::Versions, witness.location(&object.name), detail));
        }
        let names = names(witness).await?;
        let Some(first) = names.first() else { return Ok(()) };
        let own = self.names.iter().filter(|name| *name >= first);
        for missing in own.clone().filter(|name| names.binary_search(name).is_err()) {
            findings.push(Finding::new(FindingKind::Witness, missing, "the witness lacks it"));
        }
        for extra in names.iter().filter(|name| self.names.binary_search(name).is_err()) {
            findings.push(Finding::new(FindingKind::Witness, extra, "the witness has it, and the store does not"));
        }
        for stored in self.seals.iter().filter(|stored| names.binary_search(&stored.name).is_ok()) {
            let text = witness.read(&stored.name).await?.unwrap_or_default();
            let same = serde_json::from_str::<SealDocument>(&text)
                .is_ok_and(|document| AuditKeys::digest(&document.seal) == Some(stored.hash));
            if !same {
                findings.push(Finding::new(FindingKind::Witness, &stored.name, "the witness has another seal"));
            }
        }
        Ok(())
    }
}

async fn names(store: &SealStore) -> Result<Vec<String>, TaskError> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let page = store.names_after(all.last().map(String::as_str), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Opens a stored seal, and checks that its batches are those that it signs.
fn open(keys: &AuditKeys, name: &str, text: &str) -> Result<(Seal, Hash), String> {
    let document: SealDocument = serde_json::from_str(text).map_err(|_| "it is not the document of a seal")?;
    let (seal, hash) = keys.open(&document.seal).map_err(|error| error.to_string())?;
    if seal.object_name() != name {
        return Err(format!("it is seal {}, which belongs to another name", seal.number));
    }
    document.check_batches(&seal)?;
    Ok((seal, hash))
}
