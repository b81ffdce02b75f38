//! A tenant's part of a seal: its new rows as a list of digests, the root of the tree over them, and the head of the chain
//! that all batches of the tenant make.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::state::Place;
use super::{FORMAT, Hash, merkle};
use crate::id::TenantId;

/// What the digest of a head begins with.
const DOMAIN: &[u8] = b"holdfast/audit/head";

/// Bytes of an entry: the id, then the digest.
pub const ENTRY_BYTES: usize = 48;

/// A row, by its id and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The row's id.
    pub id: Uuid,
    /// The row's digest.
    pub hash: Hash,
}

impl Entry {
    /// The entry's leaf in the batch's tree.
    pub fn leaf(&self) -> Hash {
        merkle::leaf(&[self.id.as_bytes(), &self.hash.0])
    }

    /// Entries as the database keeps them: 48 bytes each.
    pub fn pack(entries: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            bytes.extend_from_slice(entry.id.as_bytes());
            bytes.extend_from_slice(&entry.hash.0);
        }
        bytes
    }

    /// Entries from their bytes; none where those are no whole number of entries.
    pub fn unpack(bytes: &[u8]) -> Option<Vec<Self>> {
        let entry = |bytes: &[u8]| {
            let (id, hash) = bytes.split_at_checked(16)?;
            Some(Self { id: Uuid::from_slice(id).ok()?, hash: Hash::from_slice(hash)? })
        };
        bytes.chunks(ENTRY_BYTES).map(entry).collect()
    }
}

/// A tenant's new rows in a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Whose rows.
    pub tenant_id: TenantId,
    /// How many.
    pub count: u64,
    /// How many rows of the tenant were ever sealed, these included.
    pub total: u64,
    /// The root of the tree over the entries.
    pub root: Hash,
    /// The head of the tenant's chain with this batch.
    pub head: Hash,
    /// The rows, in order.
    #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
    pub entries: Vec<Entry>,
    /// Where the tenant stands in the seal's state tree.
    pub place: Place,
}

impl Batch {
    /// The root of the tree over these entries.
    pub fn root_of(entries: &[Entry]) -> Hash {
        merkle::root(&leaves(entries))
    }
}

/// The leaves of a batch's tree.
pub(super) fn leaves(entries: &[Entry]) -> Vec<Hash> {
    entries.iter().map(Entry::leaf).collect()
}

/// The head of a tenant's chain after a batch: it holds the head before, so all batches since the first. Before the first
/// it is 32 zero bytes.
pub fn head(previous: Option<Hash>, root: Hash, count: u64, total: u64) -> Hash {
    let previous = previous.unwrap_or(Hash([0; 32]));
    Hash::of(&[DOMAIN, &[FORMAT], &previous.0, &root.0, &count.to_be_bytes(), &total.to_be_bytes()])
}

fn as_base64<S: Serializer>(entries: &[Entry], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(&Entry::pack(entries)))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
    Entry::unpack(&bytes).ok_or_else(|| serde::de::Error::custom("entries are of 48 bytes each"))
}
