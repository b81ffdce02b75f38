//! The task `reencrypt`: what is sealed under a retired data key is sealed anew under the tenant's active one, in batches.
//! Nobody waits for it: each batch is one statement, and changes a value only if it is still the one that was read. What
//! does not open stays as it is, and makes the run fail.

mod secrets;
mod totp;

use holdfast_shared::db::FromRow;
use std::collections::HashMap;

use holdfast_shared::id::TenantId;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{Resealer, VaultError, WrappedKey};
use jiff::SignedDuration;
use serde::Serialize;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::context::Context;
use crate::error::TaskError;

/// Values of one batch: at most 64 KiB each.
const BATCH: i64 = 50;

/// Instances seal under a key for up to five minutes after it was retired, all but secrets.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

const TENANTS: &str = "SELECT DISTINCT tenant_id FROM vault_keys WHERE state = 'retiring' ORDER BY 1";
const KEYS: &str =
    "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys WHERE tenant_id = $1";
const NEXT_VERSION: &str = "SELECT coalesce(max(version), 0) + 1 FROM vault_keys WHERE tenant_id = $1";
const ACTIVE: &str = "SELECT key_version, provider, provider_key, wrapped FROM vault_key_active($1)";
const CREATE: &str = "SELECT key_version, provider, provider_key, wrapped FROM vault_key_create($1, $2, $3, $4, $5)";
const RETIRED: &str =
    "UPDATE vault_keys k SET state = 'retired' WHERE tenant_id = $1 AND state = 'retiring' AND retired_at < $2
    AND NOT EXISTS (SELECT FROM idempotency_keys i WHERE i.tenant_id = k.tenant_id AND i.key_version = k.version)";

/// What the task did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reencrypted {
    /// Values sealed anew.
    pub values: u64,
    /// Data keys under which nothing is sealed any more.
    pub retired: u64,
    /// Whether the run's time was over before the work was.
    pub unfinished: bool,
}

/// One tenant's values, on their way to its active data key.
struct Move<'a, 'b> {
    client: &'a Client,
    resealer: &'a mut Resealer<'b>,
    tenant: TenantId,
    keys: HashMap<i32, WrappedKey>,
    active: WrappedKey,
}

/// What became of a batch, or of many.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    values: u64,
    failed: u64,
}

impl Move<'_, '_> {
    /// The data key that a value is sealed under.
    fn key(&self, version: i32) -> Result<&WrappedKey, VaultError> {
        self.keys.get(&version).ok_or(VaultError::KeyRefused)
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
        let tenant = TenantId(row.try_get(0)?);
        let Some(moved) = all_of(context, &mut resealer, tenant).await? else {
            done.unfinished = true;
            break;
        };
        done.values += moved.values;
        failed += moved.failed;
        if moved.failed == 0 {
            done.retired += context.client.execute(RETIRED, &[&tenant.0, &(context.now() - SETTLED)]).await?;
        }
    }
    if failed > 0 { Err(TaskError::DoNotOpen(failed)) } else { Ok(done) }
}

/// Moves all of a tenant's values; none where the time is over.
async fn all_of(
    context: &Context<'_>,
    resealer: &mut Resealer<'_>,
    tenant: TenantId,
) -> Result<Option<Moved>, TaskError> {
    let active = active(context, resealer, tenant).await?;
    let keys = context.client.query(KEYS, &[&tenant.0]).await?;
    let keys = keys.iter().map(|row| WrappedKey::from_row(row).map(|key| (key.version, key)));
    let keys = keys.collect::<Result<_, _>>()?;
    let mut moving = Move { client: &context.client, resealer, tenant, keys, active };
    let mut moved = Moved::default();
    let (mut secret, mut user) = (secrets::Position::default(), totp::Position::default());
    loop {
        if !context.has_time() {
            return Ok(None);
        }
        let batch = match secrets::batch(&mut moving, &mut secret).await? {
            Some(batch) => Some(batch),
            None => totp::batch(&mut moving, &mut user).await?,
        };
        let Some(batch) = batch else { return Ok(Some(moved)) };
        moved.values += batch.values;
        moved.failed += batch.failed;
    }
}

/// The key to seal under: the tenant's active one, or a new one where the retired keys have no successor yet.
async fn active(context: &Context<'_>, resealer: &mut Resealer<'_>, tenant: TenantId) -> Result<WrappedKey, TaskError> {
    if let Some(row) = context.client.query_opt(ACTIVE, &[&tenant.0]).await? {
        return Ok(WrappedKey::from_row(&row)?);
    }
    let version = context.client.query_one(NEXT_VERSION, &[&tenant.0]).await?.try_get(0)?;
    let new = resealer.make_key(tenant, version).await?;
    let (kind, now) = (new.provider.name(), context.now());
    let values: [&(dyn ToSql + Sync); 5] = [&tenant.0, &kind, &new.provider_key, &new.wrapped, &now];
    Ok(WrappedKey::from_row(&context.client.query_one(CREATE, &values).await?)?)
}

/// A value that does not open: an alarm, and not what anybody waits for.
fn alarm(tenant: TenantId, what: &str, error: &VaultError) {
    tracing::error!(%tenant, what, %error, "a sealed value does not open, and stays under its retired key");
}
