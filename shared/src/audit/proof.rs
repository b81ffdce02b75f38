//! The proof of one row: with the audit keys alone it shows that exactly this row was sealed, and in which seal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::batch::{self, leaves};
use super::merkle::MerkleLevels;
use super::{
    AuditKeys, AuditRow, Batch, BatchEntry, ChainState, Hash, InvalidSeal, MerklePosition, Seal, export, merkle,
};

/// A row, with every step from it to a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The row, as in an export.
    pub row: Value,
    /// Position of the row among the entries of its batch.
    pub place: MerklePosition,
    /// Head of the tenant's chain before the batch; none where it is the first.
    pub previous_head: Option<Hash>,
    /// Number of rows of the tenant that were ever sealed, those of the batch included.
    pub total: u64,
    /// Position of the tenant in the seal's state tree.
    pub tenant_place: MerklePosition,
    /// The seal: a compact JWS.
    pub seal: String,
}

/// Reason for which a proof does not verify.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProof {
    /// The row cannot be read.
    #[error("the row cannot be read ({0})")]
    Row(#[from] export::InvalidRow),
    /// The seal is not genuine.
    #[error("the seal: {0}")]
    Seal(#[from] InvalidSeal),
    /// The steps do not lead from the row to the seal.
    #[error("the row differs from what was sealed, or the proof is of another row")]
    Path,
}

impl Proof {
    /// Creates the proof of a row that is in this batch of this seal; none where it is not.
    pub fn of(row: &AuditRow, batch: &Batch, previous_head: Option<Hash>, seal: &str) -> Option<Self> {
        let entry = BatchEntry { id: row.id, hash: row.hash() };
        let index = batch.entries.iter().position(|sealed| *sealed == entry)?;
        Some(Self {
            row: export::to_json(row),
            place: MerklePosition::of(&MerkleLevels::above(leaves(&batch.entries)), index),
            previous_head,
            total: batch.total,
            tenant_place: batch.place.clone(),
            seal: seal.to_owned(),
        })
    }

    /// Verifies the proof; returns the row and the seal that holds it.
    pub fn check(&self, keys: &AuditKeys) -> Result<(AuditRow, Seal), InvalidProof> {
        let row = export::from_json(&self.row)?;
        let (seal, _) = keys.open(&self.seal)?;
        let leaf = BatchEntry { id: row.id, hash: row.hash() }.leaf();
        let MerklePosition { index, size, path } = &self.place;
        let root = merkle::root_from_proof(leaf, *index, *size, path).ok_or(InvalidProof::Path)?;
        let state = ChainState { total: self.total, head: batch::head(self.previous_head, root, *size, self.total) };
        if self.tenant_place.root(row.tenant_id, &state) != Some(seal.state_root) {
            return Err(InvalidProof::Path);
        }
        Ok((row, seal))
    }
}
