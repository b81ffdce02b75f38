//! SHA-256 and length of what passes by.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Takes bytes as they come.
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

    /// How many there were so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest so far, in hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        HEXLOWER.encode(&self.hasher.clone().finalize())
    }
}
