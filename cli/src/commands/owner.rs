//! What an operator does on the database itself, when nobody can sign in to do it over HTTP: as the owner, in one
//! transaction each, told in the audit log like everything else.

use std::path::PathBuf;

use anyhow::{Context, bail};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::Settings;
use holdfast_shared::rng::{Rng, SystemRng};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

const RECORD: &str =
    "SELECT refused FROM record_audit($1, $2, $3, true, $4, 'CLI', $5, 200, NULL, $6, $7, $8, $9, NULL, NULL, NULL)";

/// The owner's connection.
pub(super) struct Owner(Client);

/// What was done, for the audit log.
pub(super) struct AuditEntry<'a> {
    /// The action's name, as over HTTP.
    pub(super) action: &'a str,
    /// The command that did it.
    pub(super) command: &'a str,
    /// The tenant concerned.
    pub(super) tenant: Uuid,
    /// What was acted on.
    pub(super) target: (&'a str, Uuid),
    /// The fields that were set.
    pub(super) changed: &'a [&'a str],
}

impl Owner {
    /// Connects as `DATABASE_URL` says: the owner's, as for `holdfast migrate`.
    pub(super) async fn connect() -> anyhow::Result<Self> {
        let settings = Settings::from_environment().await?;
        let Some(url) = settings.database_url("DATABASE_URL")? else {
            bail!("DATABASE_URL: not set; set the owner's, as for `holdfast migrate`");
        };
        let ca_file = settings.get("DATABASE_CA_FILE").map(PathBuf::from);
        Ok(Self(holdfast_shared::db::connect_owner(&url, ca_file.as_deref()).await?))
    }

    /// The connection, for reading.
    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> anyhow::Result<Transaction<'_>> {
        Ok(self.0.transaction().await?)
    }
}

/// Writes the audit row, and commits it with what it tells of.
pub(super) async fn commit(transaction: Transaction<'_>, deed: &AuditEntry<'_>) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let rng: &dyn Rng = &SystemRng;
    let id = rng.uuid(now);
    let (kind, target) = deed.target;
    let targets = serde_json::json!({ kind: target });
    let agent = format!("holdfast {} by {}", env!("CARGO_PKG_VERSION"), std::env::var("USER").unwrap_or_default());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
        [&id, &now, &id.to_string(), &deed.action, &deed.command, &agent, &targets, &deed.changed, &deed.tenant];
    transaction.query_one(RECORD, &values).await.context("the audit row cannot be written")?;
    transaction.commit().await.context("nothing was changed")
}

/// The id of a tenant by its slug; the platform's without one.
pub(super) async fn tenant_id(client: &Client, slug: Option<&str>) -> anyhow::Result<Uuid> {
    let Some(slug) = slug else { return Ok(Uuid::nil()) };
    let found = client.query_opt("SELECT id FROM tenants WHERE slug = $1", &[&slug]).await?;
    found.map(|row| row.get(0)).with_context(|| format!("there is no tenant {slug}; `holdfast tenant list` shows them"))
}
