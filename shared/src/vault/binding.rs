//! Version binding tag, a MAC that binds a sealed value to its version: SHA-256(key || SHA-256(sealed value) || version). It is
//! not HMAC because PostgreSQL computes it, whose core has SHA-256 and no HMAC. Every part has a fixed length, so that the
//! tag cannot be extended to another message, the attack against which HMAC protects.
//!
//! The database assigns the version when it stores the value. To save a round trip, the statement brings it the key for the
//! tag: it stores the tag, never the key.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::envelope::VaultLocation;
use super::error::VaultError;
use super::primitives::{Hkdf, KEY};

/// Name of the format in derivations.
const FORMAT: &[u8] = b"holdfast/vault/stamp/1";

/// Key of the version binding tags at one location under one data key. Its holder can assign other versions to the values
/// there, but cannot read them.
pub struct BindingKey(Zeroizing<[u8; KEY]>);

/// A sealed value with its version, and the tag that binds them together.
#[derive(Debug, Clone, Copy)]
pub struct BoundVersion<'a> {
    /// Sealed value.
    pub sealed: &'a [u8],
    /// Version of the value.
    pub version: i64,
    /// Version binding tag.
    pub binding_tag: &'a [u8],
}

impl BindingKey {
    pub(super) fn new(data_key: &DataKey, location: &VaultLocation<'_>) -> Result<Self, VaultError> {
        let hkdf = Hkdf::extract(&[], data_key.expose());
        Ok(Self(hkdf.key(&[FORMAT, &location.associated_data()])?))
    }

    /// Returns the key, for the statement that stores a version.
    pub fn expose(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_vec())
    }

    /// Computes the tag: SHA-256 of the key, the SHA-256 of the sealed value, and the version as 8 bytes, highest first.
    pub fn tag(&self, sealed: &[u8], version: i64) -> [u8; 32] {
        let whole = Sha256::new().chain_update(self.0.as_slice()).chain_update(Sha256::digest(sealed));
        whole.chain_update(version.to_be_bytes()).finalize().into()
    }

    /// Verifies the tag, in constant time.
    pub(super) fn check(&self, bound: &BoundVersion<'_>) -> Result<(), VaultError> {
        let expected = self.tag(bound.sealed, bound.version);
        if expected.ct_eq(bound.binding_tag).into() { Ok(()) } else { Err(VaultError::Tampered) }
    }
}

impl std::fmt::Debug for BindingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BindingKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TenantId;
    use crate::vault::Purpose;
    use crate::vault::vectors;
    use uuid::Uuid;

    fn key(data_key: u8, tenant: u128, context: &[&[u8]]) -> BindingKey {
        let location = VaultLocation { tenant: TenantId(Uuid::from_u128(tenant)), purpose: Purpose::Secret, context };
        BindingKey::new(&DataKey::from_slice(&[data_key; 32]).unwrap(), &location).unwrap()
    }

    #[test]
    fn the_published_vectors_are_computed() {
        for vector in vectors::load()["binding_tags"].as_array().unwrap() {
            let context: Vec<Vec<u8>> = vectors::context(vector);
            let context: Vec<&[u8]> = context.iter().map(Vec::as_slice).collect();
            let tenant = vector["tenant"].as_str().unwrap().parse().unwrap();
            let location = VaultLocation { tenant, purpose: Purpose::Secret, context: &context };
            let data_key = DataKey::from_slice(&vectors::bytes(vector, "data_key")).unwrap();
            let key = BindingKey::new(&data_key, &location).unwrap();
            let version = vector["version"].as_i64().unwrap();
            assert_eq!(*key.expose(), vectors::bytes(vector, "binding_key"));
            assert_eq!(key.tag(&vectors::bytes(vector, "sealed"), version)[..], vectors::bytes(vector, "binding_tag"));
        }
    }

    #[test]
    fn a_tag_is_valid_for_one_version_of_one_value_at_one_location_under_one_data_key() {
        let context: &[&[u8]] = &[b"account", b"name"];
        let tag = key(1, 1, context).tag(b"sealed", 7);
        let valid =
            |key: BindingKey, sealed, version| key.check(&BoundVersion { sealed, version, binding_tag: &tag }).is_ok();
        assert!(valid(key(1, 1, context), b"sealed", 7));
        assert!(!valid(key(1, 1, context), b"sealed", 8));
        assert!(!valid(key(1, 1, context), b"other", 7));
        assert!(!valid(key(1, 1, &[b"account", b"other"]), b"sealed", 7));
        assert!(!valid(key(1, 2, context), b"sealed", 7));
        assert!(!valid(key(2, 1, context), b"sealed", 7));
        assert!(
            key(1, 1, context).check(&BoundVersion { sealed: b"sealed", version: 7, binding_tag: &tag[1..] }).is_err()
        );
    }

    #[test]
    fn nothing_of_the_key_is_printed() {
        assert_eq!(format!("{:?}", key(1, 1, &[])), "BindingKey");
    }
}
