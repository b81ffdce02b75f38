//! `holdfast admin vault`: moves the tenants' data keys from one wrapping key to another: a new KMS key, KMS instead of
//! `SECRET_ENCRYPTION_KEY`, or a new `SECRET_ENCRYPTION_KEY`.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use holdfast_shared::config::{Config, Needs};
use holdfast_shared::db::{FromRow, Row, RowError};
use holdfast_shared::id::TenantId;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{Providers, Purpose, WrappedKey};

use super::owner::{AuditEntry, Owner, commit};
use super::print;

/// The next page of data keys, in order.
const NEXT: &str = "SELECT tenant_id, purpose, version AS key_version, provider, provider_key, wrapped FROM vault_keys
     WHERE (tenant_id, purpose, version) > ($1, $2, $3) ORDER BY tenant_id, purpose, version LIMIT 100";

/// Compare-and-set: replaces the wrapped key only if it is still the one that was read.
const REPLACE: &str = "UPDATE vault_keys SET wrapped = $1, provider = $2, provider_key = $3
     WHERE tenant_id = $4 AND purpose = $5 AND version = $6 AND wrapped = $7";

/// Manage the keys that seal secrets
#[derive(Args)]
pub(super) struct Vault {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Re-wrap every data key under the configured key; sealed secrets are not touched
    Rewrap,
}

impl Vault {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Rewrap => rewrap().await,
        }
    }
}

/// A wrapped data key, with what its wrapping is bound to.
struct DataKey {
    tenant: TenantId,
    purpose: Purpose,
    key: WrappedKey,
}

impl FromRow for DataKey {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let (tenant, purpose) = (TenantId(row.try_get("tenant_id")?), row.try_get("purpose")?);
        Ok(Self { tenant, purpose, key: WrappedKey::from_row(row)? })
    }
}

/// Counts of data keys by outcome.
#[derive(Default)]
struct Tally {
    rewrapped: usize,
    current: usize,
    failed: Vec<String>,
}

async fn rewrap() -> anyhow::Result<()> {
    let config = Config::load(Needs { vault: true, ..Needs::default() }).await?;
    let none =
        "no vault key is configured; set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY, and keep the former one beside it";
    let providers = Providers::from_config(&config).await?.context(none)?;
    let mut owner = Owner::connect().await?;
    let mut tally = Tally::default();
    let mut last = (uuid::Uuid::nil(), String::new(), 0);
    loop {
        let rows = owner.client().query(NEXT, &[&last.0, &last.1, &last.2]).await?;
        let Some(row) = rows.last() else { break };
        last = (row.try_get("tenant_id")?, row.try_get("purpose")?, row.try_get("key_version")?);
        for row in &rows {
            let key = DataKey::from_row(row)?;
            one(&mut owner, &providers, &key, &mut tally).await?;
        }
    }
    for failure in &tally.failed {
        print(&format!("{failure}\n"))?;
    }
    print(&format!("{} data keys re-wrapped, {} already current.\n", tally.rewrapped, tally.current))?;
    if !tally.failed.is_empty() {
        bail!(
            "{} data keys could not be re-wrapped; keep the former key and run the command again",
            tally.failed.len()
        );
    }
    Ok(())
}

async fn one(owner: &mut Owner, providers: &Providers, data_key: &DataKey, tally: &mut Tally) -> anyhow::Result<()> {
    let DataKey { tenant, purpose, key } = data_key;
    let rewrapped = match providers.rewrap(*tenant, *purpose, key, &SystemRng).await {
        Ok(Some(rewrapped)) => rewrapped,
        Ok(None) => {
            tally.current += 1;
            return Ok(());
        }
        Err(error) => {
            tally.failed.push(format!("tenant {tenant}, {} v{}: {error}", purpose.name(), key.version));
            return Ok(());
        }
    };
    let transaction = owner.begin().await?;
    let (provider, purpose) = (rewrapped.provider.name(), purpose.name());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&rewrapped.wrapped, &provider, &rewrapped.provider_key, &tenant.0, &purpose, &key.version, &key.wrapped];
    tally.rewrapped += usize::try_from(transaction.execute(REPLACE, &values).await?)?;
    let entry = AuditEntry {
        action: "key.rewrap",
        command: "holdfast admin vault rewrap",
        tenant: tenant.0,
        target: ("tenant_id", tenant.0),
        changed: &["wrapped"],
        reason: None,
    };
    commit(transaction, &entry).await
}
