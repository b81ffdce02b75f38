//! A seal with its batches, as one JSON object: an object in S3 with the batches of all tenants, or a line of
//! `GET /admin/audit/seals` with those of one tenant.

use serde::{Deserialize, Serialize};

use super::{Batch, Hash, MerklePosition};
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
