//! The vault seals values that must stay secret even where the database, a backup or a log leaks: secrets of accounts, TOTP
//! secrets, responses kept for a repeated request. Envelope encryption: each tenant has a data key for each of these purposes,
//! wrapped by KMS or by `SECRET_ENCRYPTION_KEY`, and each value a key of its own, derived from it. The format is `docs/vault-format.md`.
//!
//! Sealing needs a round trip to the database only where the tenant's active key is not cached; opening needs none, because
//! the statement that returns the sealed value returns its [`WrappedKey`], too. A value that does not open is an error and an
//! alarm, never an empty value.

mod binding;
mod cache;
mod canary;
mod data_key;
mod encoding;
mod envelope;
mod error;
mod keys;
mod primitives;
mod provider;
mod reseal;
#[cfg(test)]
mod vectors;
mod wrapped;

use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

pub use binding::{BindingKey, BoundVersion};
pub use cache::LIFETIME;
pub use canary::Canary;
pub use envelope::{OVERHEAD, Purpose};
pub use error::VaultError;
pub use provider::{KmsKey, LocalKey, Provider, Providers};
pub use reseal::Resealer;
pub use wrapped::{ProviderKind, WrappedKey};

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Datastore;
use crate::id::TenantId;
use crate::rng::Rng;
use crate::telemetry::metrics::Metrics;
use cache::Cache;
use envelope::VaultLocation;
use keys::TenantKeys;

/// Names of the operations in the metrics.
const SEAL: &str = "seal";
const OPEN: &str = "open";

/// Seals and opens values. One per process: it caches unwrapped data keys for [`LIFETIME`].
pub struct Vault {
    keys: TenantKeys,
}

/// A sealed value, to be stored with the version of the data key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Sealed value, [`OVERHEAD`] bytes longer than the plaintext.
    pub bytes: Vec<u8>,
    /// Data key that it is sealed under: the `version` of a row of `vault_keys`.
    pub key_version: i32,
}

impl Vault {
    /// Creates a vault over these providers.
    pub fn new(
        providers: Providers,
        db: Datastore,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (active, unwrapped) = (Cache::new(), Cache::new());
        Self { keys: TenantKeys { providers, db, clock, rng, metrics, active, unwrapped } }
    }

    /// Creates the vault that the configuration names; none where it has neither `VAULT_KMS_KEY_ID` nor
    /// `SECRET_ENCRYPTION_KEY`. KMS is not called yet.
    pub async fn from_config(
        config: &Config,
        db: &Datastore,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, VaultError> {
        let providers = Providers::from_config(config).await?;
        Ok(providers
            .map(|providers| Self::new(providers, db.clone(), Arc::clone(clock), Arc::clone(rng), Arc::clone(metrics))))
    }

    /// Seals a value for one location: it opens only for the same tenant, purpose and context. The parts of the context are
    /// encoded separately, so that `["ab", "c"]` differs from `["a", "bc"]`.
    ///
    /// # Errors
    /// [`VaultError::Database`] and [`VaultError::Kms`] where the tenant's data key is not available now;
    /// [`VaultError::KeyRejected`] and [`VaultError::NoProvider`] where it cannot be unwrapped at all.
    pub async fn seal(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<Sealed, VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let sealed = async {
            let key = self.keys.active(tenant, purpose).await?;
            let data_key = self.keys.unwrapped(tenant, purpose, &key).await?;
            self.timed(SEAL, || {
                let bytes = envelope::seal(&data_key, &location, plaintext, &*self.keys.rng)?;
                Ok(Sealed { bytes, key_version: key.version })
            })
        };
        sealed.await.inspect_err(|error| self.alarm(&location, error))
    }

    /// Seals a value that becomes a version, whose number the database assigns. The returned key computes the version binding
    /// tag there, under the same data key.
    ///
    /// # Errors
    /// As for [`Vault::seal`].
    pub async fn seal_version(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<(Sealed, BindingKey), VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let sealed = async {
            let key = self.keys.active(tenant, purpose).await?;
            let data_key = self.keys.unwrapped(tenant, purpose, &key).await?;
            self.timed(SEAL, || {
                let bytes = envelope::seal(&data_key, &location, plaintext, &*self.keys.rng)?;
                Ok((Sealed { bytes, key_version: key.version }, BindingKey::new(&data_key, &location)?))
            })
        };
        sealed.await.inspect_err(|error| self.alarm(&location, error))
    }

    /// Returns the key of the version binding tags at this location, and the version of the active data key that it derives
    /// from.
    ///
    /// # Errors
    /// As for [`Vault::seal`].
    pub async fn binding_key(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
    ) -> Result<(i32, BindingKey), VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let binding_key = async {
            let key = self.keys.active(tenant, purpose).await?;
            let data_key = self.keys.unwrapped(tenant, purpose, &key).await?;
            Ok((key.version, BindingKey::new(&data_key, &location)?))
        };
        binding_key.await.inspect_err(|error| self.alarm(&location, error))
    }

    /// Opens a version of a value that was sealed for this location, after it has verified the version binding tag.
    ///
    /// # Errors
    /// As for [`Vault::open`]; [`VaultError::Tampered`] also where the tag does not bind this version.
    pub async fn open_version(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        key: &WrappedKey,
        bound: &BoundVersion<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let opened = async {
            let data_key = self.keys.unwrapped(tenant, purpose, key).await?;
            self.timed(OPEN, || {
                BindingKey::new(&data_key, &location)?.check(bound)?;
                envelope::open(&data_key, &location, bound.sealed)
            })
        };
        opened.await.inspect_err(|error| self.alarm(&location, error))
    }

    /// Returns whether sealing for this tenant and purpose needs neither the database nor KMS now.
    pub fn is_warm(&self, tenant: TenantId, purpose: Purpose) -> bool {
        self.keys.active.get(&(tenant, purpose), self.keys.clock.now()).is_some()
    }

    /// Opens a value that was sealed for this location, with the row of its data key.
    ///
    /// # Errors
    /// [`VaultError::UnknownVersion`], [`VaultError::WrongKey`] and [`VaultError::Tampered`] where the value does not open;
    /// [`VaultError::KeyRejected`] and [`VaultError::NoProvider`] where its data key does not unwrap; [`VaultError::Kms`]
    /// where KMS does not answer. Each is counted, and logged without the value.
    pub async fn open(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        key: &WrappedKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let location = VaultLocation { tenant, purpose, context };
        let opened = async {
            let data_key = self.keys.unwrapped(tenant, purpose, key).await?;
            self.timed(OPEN, || envelope::open(&data_key, &location, sealed))
        };
        opened.await.inspect_err(|error| self.alarm(&location, error))
    }

    /// Creates a data key for a tenant and purpose, to be stored as this version. With KMS it is not unwrapped: whoever rotates
    /// keys need not be able to open what they seal.
    ///
    /// # Errors
    /// [`VaultError::Kms`] where KMS does not answer.
    pub async fn create_key(&self, tenant: TenantId, purpose: Purpose, version: i32) -> Result<WrappedKey, VaultError> {
        self.keys.generate_unseen(tenant, purpose, version).await
    }

    /// Clears the cache of active keys: one was retired, and the next value must be sealed under its successor.
    pub fn forget_active(&self) {
        self.keys.active.clear();
    }

    /// Runs an operation and counts its duration.
    fn timed<T>(&self, operation: &str, work: impl FnOnce() -> Result<T, VaultError>) -> Result<T, VaultError> {
        let started = Instant::now();
        let result = work();
        self.keys.metrics.vault_operation(operation, started.elapsed());
        result
    }

    fn alarm(&self, location: &VaultLocation<'_>, error: &VaultError) {
        if let Some(reason) = error.reason() {
            self.keys.metrics.vault_open_failure(reason);
            tracing::error!(%error, reason, tenant = %location.tenant, purpose = location.purpose.name(), "the vault did not open");
        }
    }
}

#[cfg(test)]
mod tests;
