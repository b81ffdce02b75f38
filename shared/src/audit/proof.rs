//! The proof of one row: with the audit keys alone it shows that this very row was sealed, and in which seal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::batch::{self, leaves};
use super::merkle::Levels;
use super::{AuditKeys, AuditRow, Batch, Entry, Hash, NotGenuine, Place, Seal, State, export, merkle};

/// A row with all that leads from it to a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The row, as an export has it.
    pub row: Value,
    /// The row's place among the entries of its batch.
    pub place: Place,
    /// The head of the tenant's chain before the batch; none where it is the first.
    pub previous_head: Option<Hash>,
    /// How many rows of the tenant were sealed with the batch.
    pub total: u64,
    /// The tenant's place in the seal's state tree.
    pub tenant_place: Place,
    /// The seal: a compact JWS.
    pub seal: String,
}

/// A proof that proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// The row is none.
    #[error("the row cannot be read ({0})")]
    Row(#[from] export::Unreadable),
    /// The seal is not genuine.
    #[error("the seal: {0}")]
    Seal(#[from] NotGenuine),
    /// The steps do not lead from the row to the seal.
    #[error("the row is not as it was sealed, or the proof is of another one")]
    Path,
}

impl Proof {
    /// The proof of a row that is in this batch of this seal; none where it is not.
    pub fn of(row: &AuditRow, batch: &Batch, previous_head: Option<Hash>, seal: &str) -> Option<Self> {
        let entry = Entry { id: row.id, hash: row.hash() };
        let index = batch.entries.iter().position(|sealed| *sealed == entry)?;
        Some(Self {
            row: export::to_json(row),
            place: Place::of(&Levels::above(leaves(&batch.entries)), index),
            previous_head,
            total: batch.total,
            tenant_place: batch.place.clone(),
            seal: seal.to_owned(),
        })
    }

    /// Checks the proof: the row, and the seal that holds it.
    pub fn check(&self, keys: &AuditKeys) -> Result<(AuditRow, Seal), Rejected> {
        let row = export::from_json(&self.row)?;
        let (seal, _) = keys.open(&self.seal)?;
        let leaf = Entry { id: row.id, hash: row.hash() }.leaf();
        let Place { index, size, path } = &self.place;
        let root = merkle::root_by(leaf, *index, *size, path).ok_or(Rejected::Path)?;
        let state = State { total: self.total, head: batch::head(self.previous_head, root, *size, self.total) };
        if self.tenant_place.root(row.tenant_id, &state) != Some(seal.state_root) {
            return Err(Rejected::Path);
        }
        Ok((row, seal))
    }
}
