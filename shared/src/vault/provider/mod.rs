//! What makes and unwraps data keys: KMS, or the key of this deployment. Both bind a wrapped key to its tenant.

mod kms;
mod local;

pub use kms::KmsKey;
pub use local::LocalKey;

use super::data_key::DataKey;
use super::error::VaultError;
use super::wrapped::{ProviderKind, WrappedKey};
use crate::config::{Config, expose};
use crate::id::TenantId;
use crate::rng::Rng;

/// What every data key of the vault is bound to besides its tenant.
const PURPOSE: &str = "vault";

/// A key that wraps data keys.
#[derive(Debug)]
pub enum Provider {
    /// `SECRET_ENCRYPTION_KEY`.
    Local(LocalKey),
    /// A KMS key.
    Kms(KmsKey),
}

/// A data key just made, not stored yet.
pub(super) struct NewKey {
    pub(super) data_key: DataKey,
    pub(super) provider_key: String,
    pub(super) wrapped: Vec<u8>,
}

impl Provider {
    /// What it is.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Local(_) => ProviderKind::Local,
            Self::Kms(_) => ProviderKind::Kms,
        }
    }

    /// Makes a data key for a tenant. The SDK's futures are large; boxed, they cost only those who wait for KMS anyway.
    pub(super) async fn generate(&self, tenant: TenantId, rng: &dyn Rng) -> Result<NewKey, VaultError> {
        match self {
            Self::Local(key) => key.generate(tenant, rng),
            Self::Kms(key) => Box::pin(key.generate(tenant)).await,
        }
    }

    /// Wraps a data key that there is already.
    async fn wrap(&self, tenant: TenantId, data_key: &DataKey, rng: &dyn Rng) -> Result<WrappedKey, VaultError> {
        let (provider_key, wrapped) = match self {
            Self::Local(key) => (key.fingerprint().to_owned(), key.wrap(tenant, data_key, &rng.bytes())?),
            Self::Kms(key) => Box::pin(key.wrap(tenant, data_key)).await?,
        };
        Ok(WrappedKey { version: 0, provider: self.kind(), provider_key, wrapped })
    }

    /// Unwraps a tenant's data key.
    pub(super) async fn unwrap_key(&self, tenant: TenantId, key: &WrappedKey) -> Result<DataKey, VaultError> {
        match self {
            Self::Local(local) => local.unwrap_key(tenant, &key.wrapped),
            Self::Kms(kms) => Box::pin(kms.unwrap_key(tenant, key)).await,
        }
    }

    /// Whether this very key wrapped it.
    fn wrapped(&self, key: &WrappedKey) -> bool {
        self.kind() == key.provider
            && match self {
                Self::Local(local) => local.fingerprint() == key.provider_key,
                Self::Kms(kms) => kms.is_named(&key.provider_key),
            }
    }

    /// Whether it may be what wrapped it: an alias does not tell which key it stands for.
    fn may_have_wrapped(&self, key: &WrappedKey) -> bool {
        matches!(self, Self::Kms(kms) if key.provider == ProviderKind::Kms && kms.is_alias())
    }
}

/// The provider in use, and those whose data keys have yet to be wrapped anew.
#[derive(Debug)]
pub struct Providers {
    current: Provider,
    former: Vec<Provider>,
}

impl Providers {
    /// Only this one.
    pub fn new(current: Provider) -> Self {
        Self { current, former: Vec::new() }
    }

    /// One more, that makes no data keys but unwraps those it wrapped.
    #[must_use]
    pub fn with_former(mut self, former: Provider) -> Self {
        self.former.push(former);
        self
    }

    /// What the configuration names; none where it names nothing. `VAULT_KMS_KEY_ID` goes before `SECRET_ENCRYPTION_KEY`,
    /// which then is a former one, as `FORMER_SECRET_ENCRYPTION_KEY` always is. So are all KMS keys but the first, where several
    /// are listed with commas.
    pub async fn from_config(config: &Config) -> Result<Option<Self>, VaultError> {
        let listed = config.vault_kms_key.as_deref().unwrap_or_default();
        let mut providers = Vec::new();
        for key_id in listed.split(',').map(str::trim).filter(|key_id| !key_id.is_empty()) {
            providers.push(Provider::Kms(KmsKey::configured(key_id).await));
        }
        for key in [&config.vault_key, &config.former_vault_key].into_iter().flatten() {
            providers.push(Provider::Local(LocalKey::new(expose(key))?));
        }
        let mut providers = providers.into_iter();
        Ok(providers.next().map(|current| Self { current, former: providers.collect() }))
    }

    /// Wraps a tenant's data key anew, where the provider that makes new ones did not wrap it; none where it did. The
    /// key itself stays, and so does all that is sealed under it.
    ///
    /// # Errors
    /// As for [`Vault::open`](super::Vault::open), where the data key cannot be unwrapped or wrapped.
    pub async fn rewrap(
        &self,
        tenant: TenantId,
        key: &WrappedKey,
        rng: &dyn Rng,
    ) -> Result<Option<WrappedKey>, VaultError> {
        if self.current.wrapped(key) {
            return Ok(None);
        }
        let data_key = self.of(key)?.unwrap_key(tenant, key).await?;
        let wrapped = self.current.wrap(tenant, &data_key, rng).await?;
        let rewrapped = WrappedKey { version: key.version, ..wrapped };
        if rewrapped.provider_key == key.provider_key {
            // An alias stands for the very key that wrapped it.
            return Ok(None);
        }
        // What does not unwrap must not take the place of what does.
        let checked = self.current.unwrap_key(tenant, &rewrapped).await?;
        if checked.expose() == data_key.expose() { Ok(Some(rewrapped)) } else { Err(VaultError::KeyRefused) }
    }

    /// Whether one of them wrapped this data key, by its name: nothing is unwrapped.
    pub fn know(&self, key: &WrappedKey) -> bool {
        self.of(key).is_ok()
    }

    /// The one that makes new data keys.
    pub(super) fn current(&self) -> &Provider {
        &self.current
    }

    /// The one that wrapped this data key.
    pub(super) fn of(&self, key: &WrappedKey) -> Result<&Provider, VaultError> {
        let all = || std::iter::once(&self.current).chain(&self.former);
        let found = all().find(|provider| provider.wrapped(key));
        found
            .or_else(|| all().find(|provider| provider.may_have_wrapped(key)))
            .ok_or_else(|| VaultError::NoProvider { provider: key.provider.name(), key: key.provider_key.clone() })
    }
}
