//! Data keys under `SECRET_ENCRYPTION_KEY`, where there is no KMS. From it two keys are derived (one key, one use: NIST
//! SP 800-57 part 1, section 5.2): one that wraps, and a fingerprint that names the key without revealing it.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::super::data_key::DataKey;
use super::super::encoding::encode;
use super::super::envelope::Purpose;
use super::super::error::VaultError;
use super::super::primitives::{self, Hkdf, KEY};
use super::NewDataKey;
use crate::id::TenantId;
use crate::rng::Rng;

/// Version of the format, and its name in derivations and associated data.
const VERSION: u8 = 1;
const FORMAT: &[u8] = b"holdfast/vault/local/1";

/// Key of this deployment.
pub struct LocalKey {
    wrapping: Zeroizing<[u8; KEY]>,
    fingerprint: String,
}

impl LocalKey {
    /// Derives both keys from `SECRET_ENCRYPTION_KEY`; the configuration ensures that it has 32 bytes.
    pub fn new(secret_encryption_key: &[u8]) -> Result<Self, VaultError> {
        let hkdf = Hkdf::extract(&[], secret_encryption_key);
        let mut fingerprint = [0; 16];
        hkdf.expand(&[FORMAT, b"/fingerprint"], &mut fingerprint)?;
        let fingerprint = fingerprint.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Self { wrapping: hkdf.key(&[FORMAT, b"/wrap"])?, fingerprint })
    }

    /// Returns the name of the key: 32 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Creates a random data key.
    pub(in crate::vault) fn generate(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        rng: &dyn Rng,
    ) -> Result<NewDataKey, VaultError> {
        let data_key = DataKey::random(rng);
        let wrapped = self.wrap(tenant, purpose, &data_key, &rng.bytes())?;
        Ok(NewDataKey { data_key, provider_key: self.fingerprint.clone(), wrapped })
    }

    pub(super) fn wrap(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        data_key: &DataKey,
        nonce: &[u8; primitives::NONCE],
    ) -> Result<Vec<u8>, VaultError> {
        let mut text = Zeroizing::new(data_key.expose().to_vec());
        let tag = primitives::encrypt(&self.wrapping, nonce, &associated_data(tenant, purpose), &mut text)?;
        Ok([[VERSION].as_slice(), nonce, &text, &tag].concat())
    }

    /// Unwraps a data key, if it was wrapped for this tenant and purpose.
    pub(super) fn unwrap_key(&self, tenant: TenantId, purpose: Purpose, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let (version, rest) = wrapped.split_first().ok_or(VaultError::KeyRejected)?;
        if *version != VERSION {
            return Err(VaultError::UnknownVersion(*version));
        }
        let (nonce, rest) = rest.split_first_chunk().ok_or(VaultError::KeyRejected)?;
        let (text, tag) = rest.split_last_chunk().ok_or(VaultError::KeyRejected)?;
        let mut text = Zeroizing::new(text.to_vec());
        primitives::decrypt(&self.wrapping, nonce, &associated_data(tenant, purpose), &mut text, tag)
            .map_err(|_| VaultError::KeyRejected)?;
        DataKey::from_slice(&text).ok_or(VaultError::KeyRejected)
    }
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// The same pairs as the encryption context of KMS.
fn associated_data(tenant: TenantId, purpose: Purpose) -> Vec<u8> {
    let tenant = tenant.to_string();
    encode(&[FORMAT, b"purpose", purpose.name().as_bytes(), b"tenant", tenant.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;
    use crate::vault::vectors;
    use uuid::Uuid;

    const ALL: [Purpose; 4] = [Purpose::Secret, Purpose::Totp, Purpose::Idempotency, Purpose::Canary];

    fn tenant(number: u128) -> TenantId {
        TenantId(Uuid::from_u128(number))
    }

    #[test]
    fn the_published_vectors_are_wrapped_and_unwrapped() {
        for vector in vectors::load()["local"].as_array().unwrap() {
            let key = LocalKey::new(&vectors::bytes(vector, "secret_encryption_key")).unwrap();
            let tenant: TenantId = vector["tenant"].as_str().unwrap().parse().unwrap();
            let purpose = ALL.into_iter().find(|purpose| purpose.name() == vector["purpose"]).unwrap();
            let data_key = DataKey::from_slice(&vectors::bytes(vector, "data_key")).unwrap();
            let nonce = vectors::bytes(vector, "nonce").try_into().unwrap();
            let wrapped = vectors::bytes(vector, "wrapped");
            assert_eq!(key.fingerprint(), vector["fingerprint"]);
            assert_eq!(*key.wrapping, vectors::bytes(vector, "wrap_key")[..]);
            assert_eq!(associated_data(tenant, purpose), vectors::bytes(vector, "aad"));
            assert_eq!(key.wrap(tenant, purpose, &data_key, &nonce).unwrap(), wrapped);
            assert_eq!(key.unwrap_key(tenant, purpose, &wrapped).unwrap().expose(), data_key.expose());
        }
    }

    #[test]
    fn a_data_key_unwraps_only_for_its_tenant_and_purpose_under_its_key_and_unaltered() {
        let rng = SeededRng::new(1);
        let key = LocalKey::new(&[7; 32]).unwrap();
        let new = key.generate(tenant(1), Purpose::Totp, &rng).unwrap();
        assert_eq!(key.unwrap_key(tenant(1), Purpose::Totp, &new.wrapped).unwrap().expose(), new.data_key.expose());
        assert!(matches!(key.unwrap_key(tenant(2), Purpose::Totp, &new.wrapped), Err(VaultError::KeyRejected)));
        for purpose in ALL {
            assert_eq!(
                key.unwrap_key(tenant(1), purpose, &new.wrapped).is_ok(),
                purpose == Purpose::Totp,
                "{purpose:?}"
            );
        }
        let other = LocalKey::new(&[8; 32]).unwrap();
        assert_ne!(other.fingerprint(), key.fingerprint());
        assert!(matches!(other.unwrap_key(tenant(1), Purpose::Totp, &new.wrapped), Err(VaultError::KeyRejected)));
        for at in 0..new.wrapped.len() {
            let mut altered = new.wrapped.clone();
            altered[at] ^= 1;
            let error = key.unwrap_key(tenant(1), Purpose::Totp, &altered).unwrap_err();
            assert!(matches!((at, error), (0, VaultError::UnknownVersion(0)) | (1.., VaultError::KeyRejected)), "{at}");
            assert!(key.unwrap_key(tenant(1), Purpose::Totp, &new.wrapped[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn only_the_fingerprint_is_printed() {
        let key = LocalKey::new(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), format!("LocalKey {{ fingerprint: {:?}, .. }}", key.fingerprint()));
    }
}
