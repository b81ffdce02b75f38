//! A seal with its batches, as one JSON object: an object in S3 with the batches of all tenants, or a line of
//! `GET /admin/audit/seals` with those of one tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Batch, ChainState, Hash, MerklePosition, Seal};
use crate::id::TenantId;

/// A seal and its batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealDocument {
    /// The seal: a compact JWS.
    pub seal: String,
    /// The batches, in the order of the tenants' ids.
    pub batches: Vec<Batch>,
    /// State of a tenant that has no batch in this seal. Only with the newest seal, which so proves the whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ProvenState>,
}

impl SealDocument {
    /// Checks that the batches are all those that the seal signs, each without the ones before it. Only for a document with the
    /// batches of all tenants.
    ///
    /// # Errors
    /// What differs.
    pub fn check_batches(&self, seal: &Seal) -> Result<(), String> {
        let given: u64 = self.batches.iter().map(|batch| batch.count).sum();
        if given != seal.rows {
            return Err(format!("its batches have {given} rows, and it signs {}", seal.rows));
        }
        let mut tenants = BTreeSet::new();
        for batch in &self.batches {
            let Batch { tenant_id, count, total, root, head, entries, place } = batch;
            let state = ChainState { total: *total, head: *head };
            if !tenants.insert(tenant_id) || entries.len() as u64 != *count || Batch::root_of(entries) != *root {
                return Err("the entries of a batch differ from those that were sealed".to_owned());
            }
            if place.size != seal.state_size || place.root(*tenant_id, &state) != Some(seal.state_root) {
                return Err("it does not contain one of its batches".to_owned());
            }
        }
        Ok(())
    }
}

/// State of a tenant at a seal, with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenState {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Number of its rows that were ever sealed.
    pub total: u64,
    /// Head of its chain.
    pub head: Hash,
    /// Position of the tenant in the seal's state tree.
    pub place: MerklePosition,
}
