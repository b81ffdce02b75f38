//! A tenant's part of a seal: its new rows as a list of digests, the root of the tree over them, and the head of the chain of
//! all batches of the tenant.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::state::MerklePosition;
use super::{FORMAT, Hash, merkle, stored};
use crate::db::FromRow;
use crate::id::TenantId;

/// Prefix of what the digest of a head is computed over.
const DOMAIN: &[u8] = b"holdfast/audit/head";

/// Length of an entry in bytes: the id, then the digest.
pub const ENTRY_BYTES: usize = 48;

/// A row in a batch: its id and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchEntry {
    /// Id of the row.
    pub id: Uuid,
    /// Digest of the row.
    pub hash: Hash,
}

impl BatchEntry {
    /// Returns the leaf of the entry in the tree of the batch.
    pub fn leaf(&self) -> Hash {
        merkle::leaf(&[self.id.as_bytes(), &self.hash.0])
    }

    /// Encodes entries as the database stores them: 48 bytes each.
    pub fn pack(entries: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            bytes.extend_from_slice(entry.id.as_bytes());
            bytes.extend_from_slice(&entry.hash.0);
        }
        bytes
    }

    /// Decodes entries; none where the bytes are not a whole number of entries.
    pub fn unpack(bytes: &[u8]) -> Option<Vec<Self>> {
        let entry = |bytes: &[u8]| {
            let (id, hash) = bytes.split_at_checked(16)?;
            Some(Self { id: Uuid::from_slice(id).ok()?, hash: Hash::from_slice(hash)? })
        };
        bytes.chunks(ENTRY_BYTES).map(entry).collect()
    }
}

/// The new rows of a tenant in a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Number of rows.
    #[row(with = "stored::number")]
    pub count: u64,
    /// Number of rows of the tenant that were ever sealed, these included.
    #[row(with = "stored::number")]
    pub total: u64,
    /// Root of the tree over the entries.
    #[row(with = "stored::hash")]
    pub root: Hash,
    /// Head of the tenant's chain with this batch.
    #[row(with = "stored::hash")]
    pub head: Hash,
    /// The rows, in order.
    #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
    #[row(with = "stored::entries")]
    pub entries: Vec<BatchEntry>,
    /// Position of the tenant in the seal's state tree.
    #[row(flatten)]
    pub place: MerklePosition,
}

impl Batch {
    /// Computes the root of the tree over these entries.
    pub fn root_of(entries: &[BatchEntry]) -> Hash {
        merkle::root(&leaves(entries))
    }
}

/// Returns the leaves of the tree over these entries.
pub(super) fn leaves(entries: &[BatchEntry]) -> Vec<Hash> {
    entries.iter().map(BatchEntry::leaf).collect()
}

/// Computes the head of a tenant's chain after a batch from the head before it, and so from all batches since the first.
/// Before the first batch, the head is 32 zero bytes.
pub fn head(previous: Option<Hash>, root: Hash, count: u64, total: u64) -> Hash {
    let previous = previous.unwrap_or(Hash([0; 32]));
    Hash::of(&[DOMAIN, &[FORMAT], &previous.0, &root.0, &count.to_be_bytes(), &total.to_be_bytes()])
}

fn as_base64<S: Serializer>(entries: &[BatchEntry], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(&BatchEntry::pack(entries)))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BatchEntry>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
    BatchEntry::unpack(&bytes).ok_or_else(|| serde::de::Error::custom("entries have 48 bytes each"))
}
