//! Providers of data keys: KMS, or the key of this deployment. Both bind a wrapped key to its tenant and its purpose.

mod kms;
mod local;

pub use kms::KmsKey;
pub use local::LocalKey;

use secrecy::ExposeSecret;

use super::data_key::DataKey;
use super::envelope::Purpose;
use super::error::VaultError;
use super::wrapped::{ProviderKind, WrappedKey};
use crate::config::Config;
use crate::id::TenantId;
use crate::rng::Rng;

/// A key that wraps data keys.
#[derive(Debug)]
pub enum Provider {
    /// `SECRET_ENCRYPTION_KEY`.
    Local(LocalKey),
    /// A KMS key.
    Kms(KmsKey),
}

/// A data key that was just created and is not stored yet.
pub(super) struct NewDataKey {
    pub(super) data_key: DataKey,
    pub(super) provider_key: String,
    pub(super) wrapped: Vec<u8>,
}

impl Provider {
    /// Returns its kind.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Local(_) => ProviderKind::Local,
            Self::Kms(_) => ProviderKind::Kms,
        }
    }

    /// Creates a data key for a tenant. The SDK's futures are large; boxed, they cost only requests that wait for KMS anyway.
    pub(super) async fn generate(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        rng: &dyn Rng,
    ) -> Result<NewDataKey, VaultError> {
        match self {
            Self::Local(key) => key.generate(tenant, purpose, rng),
            Self::Kms(key) => Box::pin(key.generate(tenant, purpose)).await,
        }
    }

    /// Creates a data key, to be stored as this version, without unwrapping it: with KMS, whoever creates it never sees it.
    pub(super) async fn generate_unseen(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        version: i32,
        rng: &dyn Rng,
    ) -> Result<WrappedKey, VaultError> {
        let (provider_key, wrapped) = match self {
            Self::Local(key) => {
                let new = key.generate(tenant, purpose, rng)?;
                (new.provider_key, new.wrapped)
            }
            Self::Kms(key) => Box::pin(key.generate_unseen(tenant, purpose)).await?,
        };
        Ok(WrappedKey { version, provider: self.kind(), provider_key, wrapped })
    }

    /// Wraps an existing data key.
    async fn wrap(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        data_key: &DataKey,
        rng: &dyn Rng,
    ) -> Result<WrappedKey, VaultError> {
        let (provider_key, wrapped) = match self {
            Self::Local(key) => (key.fingerprint().to_owned(), key.wrap(tenant, purpose, data_key, &rng.bytes())?),
            Self::Kms(key) => Box::pin(key.wrap(tenant, purpose, data_key)).await?,
        };
        Ok(WrappedKey { version: 0, provider: self.kind(), provider_key, wrapped })
    }

    /// Unwraps a data key of a tenant.
    pub(super) async fn unwrap_key(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        key: &WrappedKey,
    ) -> Result<DataKey, VaultError> {
        match self {
            Self::Local(local) => local.unwrap_key(tenant, purpose, &key.wrapped),
            Self::Kms(kms) => Box::pin(kms.unwrap_key(tenant, purpose, key)).await,
        }
    }

    /// Returns whether this key wrapped it, by its name.
    fn wrapped(&self, key: &WrappedKey) -> bool {
        self.kind() == key.provider
            && match self {
                Self::Local(local) => local.fingerprint() == key.provider_key,
                Self::Kms(kms) => kms.is_named(&key.provider_key),
            }
    }

    /// Returns whether this key may have wrapped it: an alias does not show which key it stands for.
    fn may_have_wrapped(&self, key: &WrappedKey) -> bool {
        matches!(self, Self::Kms(kms) if key.provider == ProviderKind::Kms && kms.is_alias())
    }
}

/// The current provider, and former ones whose data keys have yet to be rewrapped.
#[derive(Debug)]
pub struct Providers {
    current: Provider,
    former: Vec<Provider>,
}

impl Providers {
    /// Creates a set of this provider alone.
    pub fn new(current: Provider) -> Self {
        Self { current, former: Vec::new() }
    }

    /// Adds a provider that creates no data keys, but unwraps those that it wrapped.
    #[must_use]
    pub fn with_former(mut self, former: Provider) -> Self {
        self.former.push(former);
        self
    }

    /// Creates the providers that the configuration names; none where it names no key. `VAULT_KMS_KEY_ID` takes precedence over
    /// `SECRET_ENCRYPTION_KEY`, which is then a former provider, as `FORMER_SECRET_ENCRYPTION_KEY` always is, and as are all KMS
    /// keys of a list but the first.
    pub async fn from_config(config: &Config) -> Result<Option<Self>, VaultError> {
        let listed = config.vault_kms_key.as_deref().unwrap_or_default();
        let mut providers = Vec::new();
        for key_id in listed.split(',').map(str::trim).filter(|key_id| !key_id.is_empty()) {
            providers.push(Provider::Kms(KmsKey::configured(key_id).await));
        }
        for key in [&config.vault_key, &config.former_vault_key].into_iter().flatten() {
            providers.push(Provider::Local(LocalKey::new(key.expose_secret())?));
        }
        let mut providers = providers.into_iter();
        Ok(providers.next().map(|current| Self { current, former: providers.collect() }))
    }

    /// Rewraps a data key of a tenant under the current provider; none where that provider wrapped it already. The data key
    /// itself stays the same, and so do all values that are sealed under it.
    ///
    /// # Errors
    /// As for [`Vault::open`](super::Vault::open), where the data key cannot be unwrapped or wrapped.
    pub async fn rewrap(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        key: &WrappedKey,
        rng: &dyn Rng,
    ) -> Result<Option<WrappedKey>, VaultError> {
        if self.current.wrapped(key) {
            return Ok(None);
        }
        let data_key = self.of(key)?.unwrap_key(tenant, purpose, key).await?;
        let wrapped = self.current.wrap(tenant, purpose, &data_key, rng).await?;
        let rewrapped = WrappedKey { version: key.version, ..wrapped };
        if rewrapped.provider_key == key.provider_key {
            // An alias stands for the key that wrapped it.
            return Ok(None);
        }
        // A wrapped key that does not unwrap must not replace one that does.
        let checked = self.current.unwrap_key(tenant, purpose, &rewrapped).await?;
        if checked.expose() == data_key.expose() { Ok(Some(rewrapped)) } else { Err(VaultError::KeyRejected) }
    }

    /// Returns whether one of them wrapped this data key, by its name: nothing is unwrapped.
    pub fn know(&self, key: &WrappedKey) -> bool {
        self.of(key).is_ok()
    }

    /// Returns the provider that creates data keys.
    pub(super) fn current(&self) -> &Provider {
        &self.current
    }

    /// Returns the provider that wrapped this data key.
    pub(super) fn of(&self, key: &WrappedKey) -> Result<&Provider, VaultError> {
        let all = || std::iter::once(&self.current).chain(&self.former);
        let found = all().find(|provider| provider.wrapped(key));
        found
            .or_else(|| all().find(|provider| provider.may_have_wrapped(key)))
            .ok_or_else(|| VaultError::NoProvider { provider: key.provider.name(), key: key.provider_key.clone() })
    }
}
