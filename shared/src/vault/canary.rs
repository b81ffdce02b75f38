//! The canary of backups: a public value, sealed like secrets, under a data key of its own. Where it opens in a restored
//! database, the key that wraps data keys is available, and the secrets of the backup can be opened.

use super::envelope::{self, Purpose, VaultLocation};
use super::error::VaultError;
use super::provider::Providers;
use super::wrapped::WrappedKey;
use crate::id::TenantId;
use crate::rng::Rng;

/// The sealed text.
const PLAINTEXT: &[u8] = b"the canary sings";

/// Belongs to the platform, so that the backup function needs no permission to unwrap the data key of a tenant.
const LOCATION: VaultLocation<'_> =
    VaultLocation { tenant: TenantId::PLATFORM, purpose: Purpose::Canary, context: &[] };

/// A canary, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Data key. The version has no meaning.
    pub key: WrappedKey,
    /// Sealed value.
    pub sealed: Vec<u8>,
}

impl Canary {
    /// Seals a canary under a new data key of the current provider.
    ///
    /// # Errors
    /// [`VaultError::Kms`] where KMS does not answer.
    pub async fn seal(providers: &Providers, rng: &dyn Rng) -> Result<Self, VaultError> {
        let provider = providers.current();
        let new = provider.generate(LOCATION.tenant, LOCATION.purpose, rng).await?;
        let sealed = envelope::seal(&new.data_key, &LOCATION, PLAINTEXT, rng)?;
        let key =
            WrappedKey { version: 1, provider: provider.kind(), provider_key: new.provider_key, wrapped: new.wrapped };
        Ok(Self { key, sealed })
    }

    /// Opens the canary.
    ///
    /// # Errors
    /// As for [`Vault::open`](super::Vault::open).
    pub async fn open(&self, providers: &Providers) -> Result<(), VaultError> {
        let data_key = providers.of(&self.key)?.unwrap_key(LOCATION.tenant, LOCATION.purpose, &self.key).await?;
        let opened = envelope::open(&data_key, &LOCATION, &self.sealed)?;
        if *opened == PLAINTEXT { Ok(()) } else { Err(VaultError::Tampered) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::provider::{LocalKey, Provider};
    use super::*;
    use crate::rng::SeededRng;

    fn providers(byte: u8) -> Providers {
        Providers::new(Provider::Local(LocalKey::new(&[byte; 32]).unwrap()))
    }

    #[tokio::test]
    async fn it_opens_unaltered_under_the_key_it_was_sealed_with_and_no_other() {
        let canary = Canary::seal(&providers(1), &SeededRng::new(1)).await.unwrap();
        canary.open(&providers(1)).await.unwrap();
        assert!(matches!(canary.open(&providers(2)).await, Err(VaultError::NoProvider { .. })));
        assert!(providers(1).know(&canary.key) && !providers(2).know(&canary.key));
        let mut altered = canary.clone();
        *altered.sealed.last_mut().unwrap() ^= 1;
        assert!(altered.open(&providers(1)).await.is_err());
    }
}
