//! The data keys of the tenants, one set for each purpose: looked up, created where a tenant has none, unwrapped, and cached for five minutes.

use std::sync::Arc;

use super::cache::Cache;
use super::data_key::DataKey;
use super::envelope::Purpose;
use super::error::VaultError;
use super::provider::Providers;
use super::wrapped::WrappedKey;
use crate::clock::Clock;
use crate::db::{Datastore, DbError, FromRow, Sql, Statement};
use crate::id::TenantId;
use crate::rng::Rng;
use crate::telemetry::metrics::Metrics;

/// Finds the active key of a tenant and purpose.
const ACTIVE: Sql = Sql::prepared("SELECT key_version, provider, provider_key, wrapped FROM active_vault_key($1, $2)");
/// Stores the first key of a tenant and purpose; returns the active one where another instance was first.
const CREATE: Sql = Sql::unprepared(
    "SELECT key_version, provider, provider_key, wrapped FROM create_vault_key($1, $2, $3, $4, $5, $6)",
);

pub(super) struct TenantKeys {
    pub(super) providers: Providers,
    pub(super) db: Datastore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) active: Cache<(TenantId, Purpose), Arc<WrappedKey>>,
    pub(super) unwrapped: Cache<(TenantId, Purpose, i32), Arc<DataKey>>,
}

impl TenantKeys {
    /// Returns the key that the tenant's values of a purpose are sealed under now. It is cached for five minutes; a look-up is one round
    /// trip, and another where the tenant has no key yet.
    pub(super) async fn active(&self, tenant: TenantId, purpose: Purpose) -> Result<Arc<WrappedKey>, VaultError> {
        let found = async {
            match self.find(ACTIVE.bind(&tenant).bind(&purpose.name())).await? {
                Some(key) => Ok(Arc::new(key)),
                None => self.create(tenant, purpose).await.map(Arc::new),
            }
        };
        self.active.get_or_load((tenant, purpose), self.clock.now(), found).await
    }

    /// Returns the data key, unwrapped at most once in five minutes.
    pub(super) async fn unwrapped(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        key: &WrappedKey,
    ) -> Result<Arc<DataKey>, VaultError> {
        let unwrapped = async {
            let provider = self.providers.of(key)?;
            self.metrics.vault_unwrap(provider.kind().name());
            provider.unwrap_key(tenant, purpose, key).await.map(Arc::new)
        };
        self.unwrapped.get_or_load((tenant, purpose, key.version), self.clock.now(), unwrapped).await
    }

    /// Creates a data key with this version, not stored yet and not unwrapped.
    pub(super) async fn generate_unseen(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        version: i32,
    ) -> Result<WrappedKey, VaultError> {
        self.providers.current().generate_unseen(tenant, purpose, version, &*self.rng).await
    }

    async fn create(&self, tenant: TenantId, purpose: Purpose) -> Result<WrappedKey, VaultError> {
        let provider = self.providers.current();
        let now = self.clock.now();
        let new = provider.generate(tenant, purpose, &*self.rng).await?;
        let (name, kind) = (purpose.name(), provider.kind().name());
        let create = CREATE.bind(&tenant).bind(&name).bind(&kind).bind(&new.provider_key);
        let stored = self.find(create.bind(&new.wrapped).bind(&now)).await?;
        let stored = stored.ok_or(DbError::Lost)?;
        // Where another instance was first, its key is used, and this one is dropped.
        if stored.wrapped == new.wrapped {
            self.unwrapped.put(&(tenant, purpose, stored.version), now, Arc::new(new.data_key));
        }
        Ok(stored)
    }

    async fn find(&self, statement: Statement<'_>) -> Result<Option<WrappedKey>, VaultError> {
        let rows = self.db.query(&statement).await?;
        Ok(rows.first().map(WrappedKey::from_row).transpose()?)
    }
}
