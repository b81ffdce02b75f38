//! The pinned audit keys: those that the configuration names. A key counts because of them, never because the database has it.

use std::collections::BTreeSet;

use super::AuditKeys;
use super::keys::Jwks;
use crate::identity::es256::PublicKey;

/// Thumbprints (RFC 7638) of the keys whose seals count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PinnedKeys(BTreeSet<String>);

impl PinnedKeys {
    /// Pins the keys with these thumbprints.
    pub fn new(thumbprints: impl IntoIterator<Item = String>) -> Self {
        Self(thumbprints.into_iter().collect())
    }

    /// Pins the keys of a JWKS.
    pub fn from_jwks(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::new(serde_json::from_str::<Jwks>(text)?.keys.iter().map(PublicKey::thumbprint)))
    }

    /// Pins one more key.
    pub fn pin(&mut self, key: &PublicKey) {
        self.0.insert(key.thumbprint());
    }

    /// Returns whether a key is pinned.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains(&key.thumbprint())
    }

    /// Trusts those of the stored keys that are pinned. A thumbprint is a digest of the key: no other key has it.
    pub fn trusted(&self, stored: impl IntoIterator<Item = PublicKey>) -> AuditKeys {
        AuditKeys::new(stored.into_iter().filter(|key| self.contains(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_only_where_its_thumbprint_is_pinned() {
        let key = |x: &str| PublicKey { x: x.to_owned(), y: "y".to_owned() };
        let mut pins = PinnedKeys::new([key("a").thumbprint()]);
        assert!(pins.contains(&key("a")) && !pins.contains(&key("b")));
        pins.pin(&key("b"));
        assert!(pins.contains(&key("b")) && !pins.contains(&key("c")));
        assert!(!PinnedKeys::default().contains(&key("a")));
    }
}
