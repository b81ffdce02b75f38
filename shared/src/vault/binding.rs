//! A stamp ties a sealed value to its version. Which version it is only the database knows, when it stores the value, and it
//! must not cost a flight to ask: so it is given a key to make the stamp with, and keeps the stamp, never the key.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::envelope::Place;
use super::error::VaultError;
use super::primitives::{Hkdf, KEY};

/// Its name in derivations.
const FORMAT: &[u8] = b"holdfast/vault/stamp/1";

/// Stamps the versions at one place under one data key. Who has it can give the place's values other numbers, and learns
/// nothing of them.
pub struct BindingKey(Zeroizing<[u8; KEY]>);

/// A sealed value with its version, and the stamp that is to tie them together.
#[derive(Debug, Clone, Copy)]
pub struct BoundVersion<'a> {
    /// The sealed value.
    pub sealed: &'a [u8],
    /// Its version.
    pub version: i64,
    /// Its stamp.
    pub stamp: &'a [u8],
}

impl BindingKey {
    pub(super) fn new(data_key: &DataKey, place: &Place<'_>) -> Result<Self, VaultError> {
        let hkdf = Hkdf::extract(&[], data_key.expose());
        Ok(Self(hkdf.key(&[FORMAT, &place.associated_data()])?))
    }

    /// The key, for the statement that stores a version.
    pub fn expose(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_vec())
    }

    /// SHA-256 of the key, the sealed value's SHA-256, and the version as 8 bytes, highest first. All three have one length,
    /// so that a stamp cannot be extended to another's (which is what HMAC is for elsewhere), and PostgreSQL can make it.
    pub fn stamp(&self, sealed: &[u8], version: i64) -> [u8; 32] {
        let whole = Sha256::new().chain_update(self.0.as_slice()).chain_update(Sha256::digest(sealed));
        whole.chain_update(version.to_be_bytes()).finalize().into()
    }

    pub(super) fn check(&self, stamped: &BoundVersion<'_>) -> Result<(), VaultError> {
        let right = self.stamp(stamped.sealed, stamped.version);
        if right.ct_eq(stamped.stamp).into() { Ok(()) } else { Err(VaultError::Tampered) }
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
        let place = Place { tenant: TenantId(Uuid::from_u128(tenant)), purpose: Purpose::Secret, context };
        BindingKey::new(&DataKey::from_slice(&[data_key; 32]).unwrap(), &place).unwrap()
    }

    #[test]
    fn the_published_vectors_are_made_and_hold() {
        for vector in vectors::load()["stamps"].as_array().unwrap() {
            let context: Vec<Vec<u8>> = vectors::context(vector);
            let context: Vec<&[u8]> = context.iter().map(Vec::as_slice).collect();
            let tenant = vector["tenant"].as_str().unwrap().parse().unwrap();
            let place = Place { tenant, purpose: Purpose::Secret, context: &context };
            let data_key = DataKey::from_slice(&vectors::bytes(vector, "data_key")).unwrap();
            let key = BindingKey::new(&data_key, &place).unwrap();
            let version = vector["version"].as_i64().unwrap();
            assert_eq!(*key.expose(), vectors::bytes(vector, "binding_key"));
            assert_eq!(key.stamp(&vectors::bytes(vector, "sealed"), version)[..], vectors::bytes(vector, "stamp"));
        }
    }

    #[test]
    fn a_stamp_fits_one_version_of_one_value_at_one_place_under_one_data_key() {
        let context: &[&[u8]] = &[b"account", b"name"];
        let stamp = key(1, 1, context).stamp(b"sealed", 7);
        let fits =
            |key: BindingKey, sealed, version| key.check(&BoundVersion { sealed, version, stamp: &stamp }).is_ok();
        assert!(fits(key(1, 1, context), b"sealed", 7));
        assert!(!fits(key(1, 1, context), b"sealed", 8));
        assert!(!fits(key(1, 1, context), b"other", 7));
        assert!(!fits(key(1, 1, &[b"account", b"other"]), b"sealed", 7));
        assert!(!fits(key(1, 2, context), b"sealed", 7));
        assert!(!fits(key(2, 1, context), b"sealed", 7));
        assert!(key(1, 1, context).check(&BoundVersion { sealed: b"sealed", version: 7, stamp: &stamp[1..] }).is_err());
    }

    #[test]
    fn nothing_of_the_key_is_printed() {
        assert_eq!(format!("{:?}", key(1, 1, &[])), "BindingKey");
    }
}
