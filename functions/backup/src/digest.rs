//! SHA-256 and length of a stream.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Hashes and counts bytes.
#[derive(Clone, Default)]
pub(crate) struct Digester {
    hasher: Sha256,
    bytes: u64,
}

impl Digester {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Number of bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest so far, in hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        HEXLOWER.encode(&self.hasher.clone().finalize())
    }
}
