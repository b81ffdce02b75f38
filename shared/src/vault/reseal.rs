//! Rotation's second half: what is sealed under a retired data key is opened and sealed anew under the active one. For the
//! maintenance function, which reads and writes the rows itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::binding::{BindingKey, BoundVersion};
use super::data_key::DataKey;
use super::envelope::{self, Place, Purpose};
use super::error::VaultError;
use super::provider::Providers;
use super::wrapped::WrappedKey;
use crate::id::TenantId;
use crate::rng::Rng;

/// Seals anew. Keeps the data keys that it has unwrapped for as long as it lives: make one a run, and drop it after.
pub struct Resealer<'a> {
    providers: &'a Providers,
    rng: &'a dyn Rng,
    unwrapped: HashMap<(TenantId, i32), Arc<DataKey>>,
}

impl<'a> Resealer<'a> {
    /// Over these providers, the former ones among them.
    pub fn new(providers: &'a Providers, rng: &'a dyn Rng) -> Self {
        Self { providers, rng, unwrapped: HashMap::new() }
    }

    /// A new data key for a tenant that has none in use, to be stored.
    ///
    /// # Errors
    /// [`VaultError::Kms`] where KMS does not answer.
    pub async fn make_key(&mut self, tenant: TenantId, version: i32) -> Result<WrappedKey, VaultError> {
        let provider = self.providers.current();
        let new = provider.generate(tenant, self.rng).await?;
        Ok(WrappedKey { version, provider: provider.kind(), provider_key: new.provider_key, wrapped: new.wrapped })
    }

    /// The value, sealed under `to` for the same place.
    ///
    /// # Errors
    /// As for [`Vault::open`](super::Vault::open): the value does not open, and has to stay as it is.
    pub async fn reseal(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        (from, to): (&WrappedKey, &WrappedKey),
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let place = Place { tenant, purpose, context };
        let (from, to) = (self.data_key(tenant, from).await?, self.data_key(tenant, to).await?);
        let plaintext = envelope::open(&from, &place, sealed)?;
        envelope::seal(&to, &place, &plaintext, self.rng)
    }

    /// The version of a value, sealed under `to` for the same place, and stamped as the same version.
    ///
    /// # Errors
    /// As for [`Vault::open_version`](super::Vault::open_version): the value does not open, and has to stay as it is.
    pub async fn reseal_version(
        &mut self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        (from, to): (&WrappedKey, &WrappedKey),
        stamped: &BoundVersion<'_>,
    ) -> Result<(Vec<u8>, Vec<u8>), VaultError> {
        let place = Place { tenant, purpose, context };
        let (old, new) = (self.data_key(tenant, from).await?, self.data_key(tenant, to).await?);
        BindingKey::new(&old, &place)?.check(stamped)?;
        let sealed = self.reseal(tenant, purpose, context, (from, to), stamped.sealed).await?;
        let stamp = BindingKey::new(&new, &place)?.stamp(&sealed, stamped.version);
        Ok((sealed, stamp.to_vec()))
    }

    async fn data_key(&mut self, tenant: TenantId, key: &WrappedKey) -> Result<Arc<DataKey>, VaultError> {
        if let Some(data_key) = self.unwrapped.get(&(tenant, key.version)) {
            return Ok(Arc::clone(data_key));
        }
        let data_key = Arc::new(self.providers.of(key)?.unwrap_key(tenant, key).await?);
        self.unwrapped.insert((tenant, key.version), Arc::clone(&data_key));
        Ok(data_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededEntropy;
    use crate::vault::{LocalKey, Provider};
    use uuid::Uuid;

    const CONTEXT: &[&[u8]] = &[b"account", b"name"];
    const TENANT: TenantId = TenantId(Uuid::from_u128(1));

    #[tokio::test]
    async fn a_version_is_the_same_under_the_new_key_and_an_altered_one_stays_as_it_is() {
        let rng = SeededEntropy::new(1);
        let providers = Providers::new(Provider::Local(LocalKey::new(&[7; 32]).unwrap()));
        let mut resealer = Resealer::new(&providers, &rng);
        let (from, to) = (resealer.make_key(TENANT, 1).await.unwrap(), resealer.make_key(TENANT, 2).await.unwrap());
        let (old, new) =
            (resealer.data_key(TENANT, &from).await.unwrap(), resealer.data_key(TENANT, &to).await.unwrap());
        let place = Place { tenant: TENANT, purpose: Purpose::Secret, context: CONTEXT };
        let sealed = envelope::seal(&old, &place, b"plaintext", &rng).unwrap();
        let stamp = BindingKey::new(&old, &place).unwrap().stamp(&sealed, 5);

        let stamped = BoundVersion { sealed: &sealed, version: 5, stamp: &stamp };
        let outcome = resealer.reseal_version(TENANT, Purpose::Secret, CONTEXT, (&from, &to), &stamped).await;
        let (bytes, stamp) = outcome.unwrap();
        assert_eq!(**envelope::open(&new, &place, &bytes).unwrap(), *b"plaintext");
        let check = BoundVersion { sealed: &bytes, version: 5, stamp: &stamp };
        assert!(BindingKey::new(&new, &place).unwrap().check(&check).is_ok());

        let moved = BoundVersion { version: 6, ..stamped };
        let refused = resealer.reseal_version(TENANT, Purpose::Secret, CONTEXT, (&from, &to), &moved).await;
        assert!(matches!(refused, Err(VaultError::Tampered)));
        let elsewhere = resealer.reseal(TENANT, Purpose::Totp, CONTEXT, (&from, &to), &sealed).await;
        assert!(matches!(elsewhere, Err(VaultError::WrongKey)));
    }
}
