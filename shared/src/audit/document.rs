//! A seal with what it seals, as one JSON object: an object in S3 with the batches of all tenants, or a line of
//! `GET /admin/audit/seals` with one tenant's.

use serde::{Deserialize, Serialize};

use super::{Batch, Hash, Place};
use crate::id::TenantId;

/// A seal and its batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The seal: a compact JWS.
    pub seal: String,
    /// The batches, by the tenants' ids.
    pub batches: Vec<Batch>,
    /// Where the tenant stands though it has no batch in this seal: on the newest seal, so that it proves the whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Standing>,
}

/// A tenant's state at a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The tenant.
    pub tenant_id: TenantId,
    /// How many of its rows were ever sealed.
    pub total: u64,
    /// The head of its chain.
    pub head: Hash,
    /// Where that stands in the seal's state tree.
    pub place: Place,
}
