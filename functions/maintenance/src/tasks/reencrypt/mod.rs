//! The task `reencrypt`: re-encrypts values that are sealed under a retired data key, under the tenant's active one, in
//! batches. It blocks no request: each batch is one statement, and replaces a value only if it is still the one that was
//! read. A value that does not open stays unchanged and makes the run fail.

mod secrets;
mod totp;

use std::collections::HashMap;

use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{Purpose, Resealer, VaultError, WrappedKey};
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

const RETIRING: &str =
    "SELECT DISTINCT tenant_id, purpose FROM vault_keys WHERE state = 'retiring' ORDER BY tenant_id, purpose DESC";
const KEYS: &str = "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys
     WHERE tenant_id = $1 AND purpose = $2";
const NEXT_VERSION: &str =
    "SELECT coalesce(max(version), 0) + 1 AS version FROM vault_keys WHERE tenant_id = $1 AND purpose = $2";
const ACTIVE: &str = "SELECT key_version, provider, provider_key, wrapped FROM active_vault_key($1, $2)";
const CREATE: &str = "SELECT key_version, provider, provider_key, wrapped FROM create_vault_key(
        p_tenant => $1,
        p_purpose => $2,
        p_provider => $3,
        p_provider_key => $4,
        p_wrapped => $5,
        p_now => $6
    )";
const RETIRED: &str = "UPDATE vault_keys k SET state = 'retired'
     WHERE tenant_id = $1 AND purpose = $2 AND state = 'retiring' AND retired_at < $3 AND NOT EXISTS (
        SELECT FROM idempotency_keys i
         WHERE k.purpose = 'idempotency' AND i.tenant_id = k.tenant_id AND i.key_version = k.version
     )";

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

/// One tenant's values of one purpose, on their way to its active data key.
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
    let retiring = context.client.query(RETIRING, &[]).await?;
    let mut done = Reencrypted::default();
    let mut failed = 0;
    if retiring.is_empty() {
        return Ok(done);
    }
    let providers = context.plan.vault.as_ref().ok_or(TaskError::NoVaultKey)?;
    let mut resealer = Resealer::new(providers, &SystemRng);
    for row in &retiring {
        let (tenant, purpose): (TenantId, Purpose) = (row.try_get("tenant_id")?, row.try_get("purpose")?);
        let Some(counts) = reencrypt(context, &mut resealer, tenant, purpose).await? else {
            done.unfinished = true;
            break;
        };
        done.values += counts.values;
        failed += counts.failed;
        if counts.failed == 0 {
            done.retired +=
                context.client.execute(RETIRED, &[&tenant.0, &purpose.name(), &(context.now() - SETTLED)]).await?;
        }
    }
    if failed > 0 { Err(TaskError::DoNotOpen(failed)) } else { Ok(done) }
}

/// Re-encrypts all values of a tenant and a purpose; returns none if the time is up.
async fn reencrypt(
    context: &Context<'_>,
    resealer: &mut Resealer<'_>,
    tenant: TenantId,
    purpose: Purpose,
) -> Result<Option<Counts>, TaskError> {
    if purpose == Purpose::Idempotency {
        // Kept responses end after a day, and their key is needed no longer.
        return Ok(Some(Counts::default()));
    }
    let active = active(context, resealer, tenant, purpose).await?;
    let keys = context.client.query(KEYS, &[&tenant.0, &purpose.name()]).await?;
    let keys = keys.iter().map(|row| WrappedKey::from_row(row).map(|key| (key.version, key)));
    let keys = keys.collect::<Result<_, _>>()?;
    let mut work = TenantKeys { client: &context.client, resealer, tenant, keys, active };
    let mut counts = Counts::default();
    let (mut last_secret, mut last_user) = (secrets::LastVersion::default(), totp::LastUser::default());
    loop {
        if !context.has_time() {
            return Ok(None);
        }
        let batch = match purpose {
            Purpose::Secret => secrets::batch(&mut work, &mut last_secret).await?,
            Purpose::Totp => totp::batch(&mut work, &mut last_user).await?,
            Purpose::Idempotency | Purpose::Canary => None,
        };
        let Some(batch) = batch else { return Ok(Some(counts)) };
        counts.values += batch.values;
        counts.failed += batch.failed;
    }
}

/// The key to seal under: the active one of the tenant and purpose, or a new one if the retired keys have no successor yet.
async fn active(
    context: &Context<'_>,
    resealer: &mut Resealer<'_>,
    tenant: TenantId,
    purpose: Purpose,
) -> Result<WrappedKey, TaskError> {
    let name = purpose.name();
    if let Some(row) = context.client.query_opt(ACTIVE, &[&tenant.0, &name]).await? {
        return Ok(WrappedKey::from_row(&row)?);
    }
    let version = context.client.query_one(NEXT_VERSION, &[&tenant.0, &name]).await?.try_get("version")?;
    let new = resealer.create_key(tenant, purpose, version).await?;
    let (kind, now) = (new.provider.name(), context.now());
    let values: [&(dyn ToSql + Sync); 6] = [&tenant.0, &name, &kind, &new.provider_key, &new.wrapped, &now];
    Ok(WrappedKey::from_row(&context.client.query_one(CREATE, &values).await?)?)
}

/// Logs a value that does not open.
fn log_unopened(tenant: TenantId, what: &str, error: &VaultError) {
    tracing::error!(%tenant, what, %error, "a sealed value does not open and stays under its retired key");
}
