//! The unwrapped data key of a tenant and a purpose: in memory only, wiped when dropped, never printed.

use secrecy::{ExposeSecret, SecretBox};

use super::primitives::KEY;
use crate::rng::Rng;

/// 32 bytes from which the keys of all sealed values of that tenant and purpose are derived.
#[derive(Debug)]
pub(super) struct DataKey(SecretBox<[u8; KEY]>);

impl DataKey {
    /// Generates a key.
    pub(super) fn random(rng: &dyn Rng) -> Self {
        Self(SecretBox::init_with_mut(|key: &mut [u8; KEY]| rng.fill(key)))
    }

    /// Reads a key; none where the length is not 32 bytes.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY] = bytes.try_into().ok()?;
        Some(Self(SecretBox::init_with_mut(|key: &mut [u8; KEY]| *key = *bytes)))
    }

    pub(super) fn expose(&self) -> &[u8; KEY] {
        self.0.expose_secret()
    }
}
