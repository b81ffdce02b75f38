//! The vault seals what must stay secret though the database, a backup or a log leaks: secrets of accounts, one-time-code
//! secrets, answers kept for a repeated request. Envelope encryption: each tenant has a data key, wrapped by KMS or by
//! `SECRET_ENCRYPTION_KEY`, and each value a key of its own, derived from it. The format is `docs/vault-format.md`.
//!
//! Sealing makes no flight to the database but where the tenant's active key is not known yet; opening makes none, since
//! the statement that brings the sealed value brings its [`WrappedKey`] too. What does not open is an error and an alarm,
//! never an empty value.

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
use envelope::Place;
use keys::TenantKeys;

/// The operations, as the metrics name them.
const SEAL: &str = "seal";
const OPEN: &str = "open";

/// Seals and opens. One per process: it keeps unwrapped data keys for [`LIFETIME`].
pub struct Vault {
    keys: TenantKeys,
}

/// A sealed value, to be stored with the version of the data key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The sealed value, [`OVERHEAD`] bytes longer than the plaintext.
    pub bytes: Vec<u8>,
    /// Which of the tenant's data keys it is sealed under: the `version` of a row of `vault_keys`.
    pub key_version: i32,
}

impl Vault {
    /// A vault over these providers.
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

    /// The vault that the configuration asks for; none where it names neither `VAULT_KMS_KEY_ID` nor
    /// `SECRET_ENCRYPTION_KEY`. Nothing is asked of KMS yet.
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

    /// Seals a value for one place: it opens only for the same tenant, purpose and context. The context's parts are kept
    /// apart, so that `["ab", "c"]` is not `["a", "bc"]`.
    ///
    /// # Errors
    /// [`VaultError::Database`] and [`VaultError::Kms`] where the tenant's data key cannot be had now;
    /// [`VaultError::KeyRefused`] and [`VaultError::NoProvider`] where it cannot be had at all.
    pub async fn seal(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<Sealed, VaultError> {
        let place = Place { tenant, purpose, context };
        let sealed = async {
            let key = self.keys.active(tenant).await?;
            let data_key = self.keys.unwrapped(tenant, &key).await?;
            self.timed(SEAL, || {
                let bytes = envelope::seal(&data_key, &place, plaintext, &*self.keys.rng)?;
                Ok(Sealed { bytes, key_version: key.version })
            })
        };
        sealed.await.inspect_err(|error| self.alarm(&place, error))
    }

    /// Seals a value that will be a version of something, by a number that only the database knows: the key returned stamps
    /// the sealed value with it there, under the same data key.
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
        let place = Place { tenant, purpose, context };
        let sealed = async {
            let key = self.keys.active(tenant).await?;
            let data_key = self.keys.unwrapped(tenant, &key).await?;
            self.timed(SEAL, || {
                let bytes = envelope::seal(&data_key, &place, plaintext, &*self.keys.rng)?;
                Ok((Sealed { bytes, key_version: key.version }, BindingKey::new(&data_key, &place)?))
            })
        };
        sealed.await.inspect_err(|error| self.alarm(&place, error))
    }

    /// The key that stamps versions at this place, and the version of the active data key that it comes from.
    ///
    /// # Errors
    /// As for [`Vault::seal`].
    pub async fn binding_key(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
    ) -> Result<(i32, BindingKey), VaultError> {
        let place = Place { tenant, purpose, context };
        let binding_key = async {
            let key = self.keys.active(tenant).await?;
            let data_key = self.keys.unwrapped(tenant, &key).await?;
            Ok((key.version, BindingKey::new(&data_key, &place)?))
        };
        binding_key.await.inspect_err(|error| self.alarm(&place, error))
    }

    /// Opens a value that was sealed for this place as this version of it, by the stamp that ties the two together.
    ///
    /// # Errors
    /// As for [`Vault::open`]; [`VaultError::Tampered`] also where the stamp is not this version's.
    pub async fn open_version(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        key: &WrappedKey,
        stamped: &BoundVersion<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let place = Place { tenant, purpose, context };
        let opened = async {
            let data_key = self.keys.unwrapped(tenant, key).await?;
            self.timed(OPEN, || {
                BindingKey::new(&data_key, &place)?.check(stamped)?;
                envelope::open(&data_key, &place, stamped.sealed)
            })
        };
        opened.await.inspect_err(|error| self.alarm(&place, error))
    }

    /// Whether sealing for this tenant asks nothing of the database or of KMS now.
    pub fn is_warm(&self, tenant: TenantId) -> bool {
        self.keys.active.get(&tenant, self.keys.clock.now()).is_some()
    }

    /// Opens a value that was sealed for this place, with the data key's row that came along with it.
    ///
    /// # Errors
    /// [`VaultError::UnknownVersion`], [`VaultError::WrongKey`] and [`VaultError::Tampered`] where the value does not open;
    /// [`VaultError::KeyRefused`] and [`VaultError::NoProvider`] where its data key does not; [`VaultError::Kms`] where KMS
    /// does not answer. Each is counted, and logged without a word of the value.
    pub async fn open(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        context: &[&[u8]],
        key: &WrappedKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let place = Place { tenant, purpose, context };
        let opened = async {
            let data_key = self.keys.unwrapped(tenant, key).await?;
            self.timed(OPEN, || envelope::open(&data_key, &place, sealed))
        };
        opened.await.inspect_err(|error| self.alarm(&place, error))
    }

    /// Makes a data key for a tenant, to be stored as this version of it.
    ///
    /// # Errors
    /// [`VaultError::Kms`] where KMS does not answer.
    pub async fn make_key(&self, tenant: TenantId, version: i32) -> Result<WrappedKey, VaultError> {
        self.keys.make(tenant, version).await
    }

    /// Forgets which keys are active: one was retired, and what is sealed next needs its successor.
    pub fn forget_active(&self) {
        self.keys.active.clear();
    }

    /// Does the work of an operation, and counts the time it takes.
    fn timed<T>(&self, operation: &str, work: impl FnOnce() -> Result<T, VaultError>) -> Result<T, VaultError> {
        let begun = Instant::now();
        let done = work();
        self.keys.metrics.vault_operation(operation, begun.elapsed());
        done
    }

    fn alarm(&self, place: &Place<'_>, error: &VaultError) {
        if let Some(reason) = error.reason() {
            self.keys.metrics.vault_open_failure(reason);
            tracing::error!(%error, reason, tenant = %place.tenant, purpose = place.purpose.name(), "the vault did not open");
        }
    }
}

#[cfg(test)]
mod tests;
