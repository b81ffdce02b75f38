//! Batches and positions as the database stores them.

use super::{BatchEntry, ChainPosition, Hash, MerklePosition, Seal};

impl ChainPosition {
    /// Returns the position in the chain after a seal with this digest.
    pub fn after(seal: &Seal, hash: Hash) -> Self {
        Self {
            number: seal.number,
            hash,
            epoch: seal.epoch,
            to_transaction: seal.to_transaction,
            sealed_at: seal.sealed_at,
        }
    }
}

impl MerklePosition {
    /// Encodes the path as the database stores it: 32 bytes a step.
    pub fn pack(&self) -> Vec<u8> {
        self.path.iter().flat_map(|hash| hash.0).collect()
    }
}

// A value that cannot have been stored is read as one that verifies as nothing.

pub(super) fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(u64::MAX)
}

pub(super) fn hash(stored: &[u8]) -> Hash {
    Hash::from_slice(stored).unwrap_or(Hash([0; 32]))
}

pub(super) fn entries(stored: &[u8]) -> Vec<BatchEntry> {
    BatchEntry::unpack(stored).unwrap_or_default()
}

pub(super) fn path(stored: &[u8]) -> Vec<Hash> {
    stored.chunks(32).filter_map(Hash::from_slice).collect()
}
