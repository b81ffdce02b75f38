//! The task `reencrypt`: re-encrypts values that are sealed under a retired data key, under the tenant's active one, in
//! batches. It blocks no request: each batch is one statement, and replaces a value only if it is still the one that was
//! read. A value that does not open stays unchanged and makes the run fail.

mod secrets;
mod totp;

use std::collections::HashMap;

use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{Resealer, VaultError, WrappedKey};
use jiff::SignedDuration;
use serde::Serialize;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::context::Context;
use crate::error::TaskError;

/// Values of one batch, of at most 64 KiB each.
const BATCH: i64 = 50;

/// Instances seal everything but secrets under a key for up to five minutes after it was retired.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

const TENANTS: &str = "SELECT DISTINCT tenant_id FROM vault_keys WHERE state = 'retiring' ORDER BY tenant_id";
const KEYS: &str =
    "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys WHERE tenant_id = $1";
const NEXT_VERSION: &str = "SELECT coalesce(max(version), 0) + 1 AS version FROM vault_keys WHERE tenant_id = $1";
const ACTIVE: &str = "SELECT key_version, provider, provider_key, wrapped FROM active_vault_key($1)";
const CREATE: &str = "SELECT key_version, provider, provider_key, wrapped FROM create_vault_key(
        p_tenant => $1,
        p_provider => $2,
        p_provider_key => $3,
        p_wrapped => $4,
        p_now => $5
    )";
const RETIRED: &str =
    "UPDATE vault_keys k SET state = 'retired' WHERE tenant_id = $1 AND state = 'retiring' AND retired_at < $2
    AND NOT EXISTS (SELECT FROM idempotency_keys i WHERE i.tenant_id = k.tenant_id AND i.key_version = k.version)";

/// Result of the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reencrypted {
    /// Values re-encrypted.
    pub values: u64,
    /// Data keys that no value is sealed under any more.
    pub retired: u64,
    /// True if the time was up before the work was done.
    pub unfinished: bool,
}

/// One tenant's values, on their way to its active data key.
struct TenantKeys<'a, 'b> {
    client: &'a Client,
    resealer: &'a mut Resealer<'b>,
    tenant: TenantId,
    keys: HashMap<i32, WrappedKey>,
    active: WrappedKey,
}

/// Numbers of values in one batch or in many.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    values: u64,
    failed: u64,
}

impl TenantKeys<'_, '_> {
    /// The data key that a value is sealed under.
    fn key(&self, version: i32) -> Result<&WrappedKey, VaultError> {
        self.keys.get(&version).ok_or(VaultError::KeyRejected)
    }
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Reencrypted, TaskError> {
    let tenants = context.client.query(TENANTS, &[]).await?;
    let mut done = Reencrypted::default();
    let mut failed = 0;
    if tenants.is_empty() {
        return Ok(done);
    }
    let providers = context.plan.vault.as_ref().ok_or(TaskError::NoVaultKey)?;
    let mut resealer = Resealer::new(providers, &SystemRng);
    for row in &tenants {
        let tenant: TenantId = row.try_get("tenant_id")?;
        let Some(counts) = reencrypt_tenant(context, &mut resealer, tenant).await? else {
            done.unfinished = true;
            break;
        };
        done.values += counts.values;
        failed += counts.failed;
        if counts.failed == 0 {
            done.retired += context.client.execute(RETIRED, &[&tenant.0, &(context.now() - SETTLED)]).await?;
        }
    }
    if failed > 0 { Err(TaskError::DoNotOpen(failed)) } else { Ok(done) }
}

/// Re-encrypts all values of a tenant; returns none if the time is up.
async fn reencrypt_tenant(
    context: &Context<'_>,
    resealer: &mut Resealer<'_>,
    tenant: TenantId,
) -> Result<Option<Counts>, TaskError> {
    let active = active(context, resealer, tenant).await?;
    let keys = context.client.query(KEYS, &[&tenant.0]).await?;
    let keys = keys.iter().map(|row| WrappedKey::from_row(row).map(|key| (key.version, key)));
    let keys = keys.collect::<Result<_, _>>()?;
    let mut work = TenantKeys { client: &context.client, resealer, tenant, keys, active };
    let mut counts = Counts::default();
    let (mut last_secret, mut last_user) = (secrets::LastVersion::default(), totp::LastUser::default());
    loop {
        if !context.has_time() {
            return Ok(None);
        }
        let batch = match secrets::batch(&mut work, &mut last_secret).await? {
            Some(batch) => Some(batch),
            None => totp::batch(&mut work, &mut last_user).await?,
        };
        let Some(batch) = batch else { return Ok(Some(counts)) };
        counts.values += batch.values;
        counts.failed += batch.failed;
    }
}

/// The key to seal under: the tenant's active one, or a new one if the retired keys have no successor yet.
async fn active(context: &Context<'_>, resealer: &mut Resealer<'_>, tenant: TenantId) -> Result<WrappedKey, TaskError> {
    if let Some(row) = context.client.query_opt(ACTIVE, &[&tenant.0]).await? {
        return Ok(WrappedKey::from_row(&row)?);
    }
    let version = context.client.query_one(NEXT_VERSION, &[&tenant.0]).await?.try_get("version")?;
    let new = resealer.create_key(tenant, version).await?;
    let (kind, now) = (new.provider.name(), context.now());
    let values: [&(dyn ToSql + Sync); 5] = [&tenant.0, &kind, &new.provider_key, &new.wrapped, &now];
    Ok(WrappedKey::from_row(&context.client.query_one(CREATE, &values).await?)?)
}

/// Logs a value that does not open.
fn log_unopened(tenant: TenantId, what: &str, error: &VaultError) {
    tracing::error!(%tenant, what, %error, "a sealed value does not open and stays under its retired key");
}
