//! Re-encryption, the second half of a rotation: values that are sealed under a retired data key are opened and sealed again
//! under the active one. For the maintenance function, which reads and writes the rows itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::binding::{BindingKey, BoundVersion};
use super::data_key::DataKey;
use super::envelope::{self, Purpose, VaultLocation};
use super::error::VaultError;
use super::provider::Providers;
use super::wrapped::WrappedKey;
use crate::id::TenantId;
use crate::rng::Rng;

/// Seals values under another data key. It keeps unwrapped data keys for its lifetime: create one for each run.
pub struct Resealer<'a> {
    providers: &'a Providers,
    rng: &'a dyn Rng,
    unwrapped: HashMap<(TenantId, Purpose, i32), Arc<DataKey>>,
}

impl<'a> Resealer<'a> {
    /// Creates a resealer over these providers, the former ones included.
    pub fn new(providers: &'a Providers, rng: &'a dyn Rng) -> Self {
        Self { providers, rng, unwrapped: HashMap::new() }
    }

    /// Creates a data key for a tenant and purpose that have no active one, to be stored as this version.
    ///
    /// # Errors
    /// [`VaultError::Kms`] where KMS does not answer.
    pub async fn create_key(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        version: i32,
    ) -> Result<WrappedKey, VaultError> {
        self.providers.current().generate_unseen(tenant, purpose, version, self.rng).await
    }

    /// Opens a value that is sealed under `from`, and seals it under `to` for the same location.
    ///
    /// # Errors
    /// As for [`Vault::open`](super::Vault::open): the value does not open, and must stay unchanged.
    pub async fn reseal(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        (from, to): (&WrappedKey, &WrappedKey),
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let (from, to) = (self.data_key(tenant, purpose, from).await?, self.data_key(tenant, purpose, to).await?);
        let plaintext = envelope::open(&from, &location, sealed)?;
        envelope::seal(&to, &location, &plaintext, self.rng)
    }

    /// Opens a version of a value that is sealed under `from`, and seals it under `to` for the same location and version.
    /// Returns the sealed value and its version binding tag.
    ///
    /// # Errors
    /// As for [`Vault::open_version`](super::Vault::open_version): the value does not open, and must stay unchanged.
    pub async fn reseal_version(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        (from, to): (&WrappedKey, &WrappedKey),
        bound: &BoundVersion<'_>,
    ) -> Result<(Vec<u8>, Vec<u8>), VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let (old, new) = (self.data_key(tenant, purpose, from).await?, self.data_key(tenant, purpose, to).await?);
        BindingKey::new(&old, &location)?.check(bound)?;
        let sealed = self.reseal(tenant, purpose, context, (from, to), bound.sealed).await?;
        let tag = BindingKey::new(&new, &location)?.tag(&sealed, bound.version);
        Ok((sealed, tag.to_vec()))
    }

    async fn data_key(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        key: &WrappedKey,
    ) -> Result<Arc<DataKey>, VaultError> {
        if let Some(data_key) = self.unwrapped.get(&(tenant, purpose, key.version)) {
            return Ok(Arc::clone(data_key));
        }
        let data_key = Arc::new(self.providers.of(key)?.unwrap_key(tenant, purpose, key).await?);
        self.unwrapped.insert((tenant, purpose, key.version), Arc::clone(&data_key));
        Ok(data_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;
    use crate::vault::{LocalKey, Provider};
    use uuid::Uuid;

    const CONTEXT: &[&[u8]] = &[b"account", b"name"];
    const TENANT: TenantId = TenantId(Uuid::from_u128(1));

    #[tokio::test]
    async fn a_version_stays_the_same_under_the_new_key_and_an_altered_one_is_rejected() {
        let rng = SeededRng::new(1);
        let providers = Providers::new(Provider::Local(LocalKey::new(&[7; 32]).unwrap()));
        let mut resealer = Resealer::new(&providers, &rng);
        let from = resealer.create_key(TENANT, Purpose::Secret, 1).await.unwrap();
        let to = resealer.create_key(TENANT, Purpose::Secret, 2).await.unwrap();
        let (old, new) = (
            resealer.data_key(TENANT, Purpose::Secret, &from).await,
            resealer.data_key(TENANT, Purpose::Secret, &to).await,
        );
        let (old, new) = (old.unwrap(), new.unwrap());
        let location = VaultLocation { tenant: TENANT, purpose: Purpose::Secret, context: CONTEXT };
        let sealed = envelope::seal(&old, &location, b"plaintext", &rng).unwrap();
        let tag = BindingKey::new(&old, &location).unwrap().tag(&sealed, 5);

        let bound = BoundVersion { sealed: &sealed, version: 5, binding_tag: &tag };
        let outcome = resealer.reseal_version(TENANT, Purpose::Secret, CONTEXT, (&from, &to), &bound).await;
        let (bytes, tag) = outcome.unwrap();
        assert_eq!(**envelope::open(&new, &location, &bytes).unwrap(), *b"plaintext");
        let check = BoundVersion { sealed: &bytes, version: 5, binding_tag: &tag };
        assert!(BindingKey::new(&new, &location).unwrap().check(&check).is_ok());

        let moved = BoundVersion { version: 6, ..bound };
        let rejected = resealer.reseal_version(TENANT, Purpose::Secret, CONTEXT, (&from, &to), &moved).await;
        assert!(matches!(rejected, Err(VaultError::Tampered)));
        let elsewhere = resealer.reseal(TENANT, Purpose::Totp, CONTEXT, (&from, &to), &sealed).await;
        assert!(matches!(elsewhere, Err(VaultError::KeyRejected)));
    }
}
