//! The data keys of the tenants: looked up, created where a tenant has none, unwrapped, and cached for five minutes.

use std::sync::Arc;

use super::cache::Cache;
use super::data_key::DataKey;
use super::error::VaultError;
use super::provider::Providers;
use super::wrapped::WrappedKey;
use crate::clock::Clock;
use crate::db::{Datastore, DbError, FromRow, Sql, Statement};
use crate::id::TenantId;
use crate::rng::Rng;
use crate::telemetry::metrics::Metrics;

/// Finds the active key of a tenant.
const ACTIVE: Sql = Sql::prepared("SELECT key_version, provider, provider_key, wrapped FROM active_vault_key($1)");
/// Stores the first key of a tenant; returns the active one where another instance was first.
const CREATE: Sql =
    Sql::unprepared("SELECT key_version, provider, provider_key, wrapped FROM create_vault_key($1, $2, $3, $4, $5)");

pub(super) struct TenantKeys {
    pub(super) providers: Providers,
    pub(super) db: Datastore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) active: Cache<TenantId, Arc<WrappedKey>>,
    pub(super) unwrapped: Cache<(TenantId, i32), Arc<DataKey>>,
}

impl TenantKeys {
    /// Returns the key that the tenant's values are sealed under now. It is cached for five minutes; a look-up is one round
    /// trip, and another where the tenant has no key yet.
    pub(super) async fn active(&self, tenant: TenantId) -> Result<Arc<WrappedKey>, VaultError> {
        let found = async {
            match self.find(ACTIVE.bind(&tenant)).await? {
                Some(key) => Ok(Arc::new(key)),
                None => self.create(tenant).await.map(Arc::new),
            }
        };
        self.active.get_or_load(tenant, self.clock.now(), found).await
    }

    /// Returns the data key, unwrapped at most once in five minutes.
    pub(super) async fn unwrapped(&self, tenant: TenantId, key: &WrappedKey) -> Result<Arc<DataKey>, VaultError> {
        let unwrapped = async {
            let provider = self.providers.of(key)?;
            self.metrics.vault_unwrap(provider.kind().name());
            provider.unwrap_key(tenant, key).await.map(Arc::new)
        };
        self.unwrapped.get_or_load((tenant, key.version), self.clock.now(), unwrapped).await
    }

    /// Creates a data key with this version, not stored yet.
    pub(super) async fn generate(&self, tenant: TenantId, version: i32) -> Result<WrappedKey, VaultError> {
        let provider = self.providers.current();
        let new = provider.generate(tenant, &*self.rng).await?;
        Ok(WrappedKey { version, provider: provider.kind(), provider_key: new.provider_key, wrapped: new.wrapped })
    }

    async fn create(&self, tenant: TenantId) -> Result<WrappedKey, VaultError> {
        let provider = self.providers.current();
        let now = self.clock.now();
        let new = provider.generate(tenant, &*self.rng).await?;
        let kind = provider.kind().name();
        let create = CREATE.bind(&tenant).bind(&kind).bind(&new.provider_key);
        let stored = self.find(create.bind(&new.wrapped).bind(&now)).await?;
        let stored = stored.ok_or(DbError::Lost)?;
        // Where another instance was first, its key is used, and this one is dropped.
        if stored.wrapped == new.wrapped {
            self.unwrapped.put(&(tenant, stored.version), now, Arc::new(new.data_key));
        }
        Ok(stored)
    }

    async fn find(&self, statement: Statement<'_>) -> Result<Option<WrappedKey>, VaultError> {
        let rows = self.db.query(&statement).await?;
        Ok(rows.first().map(WrappedKey::from_row).transpose()?)
    }
}
