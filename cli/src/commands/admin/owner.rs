//! The owner's connection, for what operators do on the database itself when nobody can sign in over HTTP: one transaction per
//! command, with its audit row.

use std::path::PathBuf;

use anyhow::{Context, bail};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::Settings;
use holdfast_shared::db::OwnerEntry;
use holdfast_shared::id::TenantId;
use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_shared::text::Reason;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

/// Connection as the owner of the schema.
pub(super) struct Owner(Client);

/// Description of a change for the audit log.
pub(super) struct AuditEntry<'a> {
    /// Name of the action, the same as over HTTP.
    pub(super) action: &'a str,
    /// Command that was executed.
    pub(super) command: &'a str,
    /// Tenant that the row belongs to.
    pub(super) tenant: Uuid,
    /// Kind and id of the changed object.
    pub(super) target: (&'a str, Uuid),
    /// Fields that were set.
    pub(super) changed: &'a [&'a str],
    /// Why it was done, as the operator stated.
    pub(super) reason: Option<&'a Reason>,
}

impl Owner {
    /// Connects to `DATABASE_URL`, which must be the owner's login, as for `holdfast admin migrate`.
    pub(super) async fn connect() -> anyhow::Result<Self> {
        let settings = Settings::from_environment().await?;
        let Some(url) = settings.database_url("DATABASE_URL")? else {
            bail!("DATABASE_URL: not set; set the owner's login, as for `holdfast admin migrate`");
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

/// Writes the audit row and commits it together with the change that it records.
pub(super) async fn commit(transaction: Transaction<'_>, entry: &AuditEntry<'_>) -> anyhow::Result<()> {
    let rng: &dyn Rng = &SystemRng;
    let request_id = rng.uuid(SystemClock.now()).to_string();
    let program = format!("holdfast {} by {}", env!("CARGO_PKG_VERSION"), std::env::var("USER").unwrap_or_default());
    let (kind, target) = entry.target;
    let recorded = OwnerEntry {
        request_id: &request_id,
        method: "CLI",
        path: entry.command,
        action: entry.action,
        tenant: TenantId(entry.tenant),
        target: (kind, target.to_string().into()),
        changed: entry.changed,
        reason: entry.reason,
        program: &program,
    };
    recorded.record(&transaction).await.context("the audit row cannot be written")?;
    transaction.commit().await.context("nothing was changed")
}

/// Returns a tenant's id by its slug; without a slug, the platform's id.
pub(super) async fn tenant_id(client: &Client, slug: Option<&str>) -> anyhow::Result<Uuid> {
    let Some(slug) = slug else { return Ok(Uuid::nil()) };
    let found = client.query_opt("SELECT id FROM tenants WHERE slug = $1", &[&slug]).await?;
    let row =
        found.with_context(|| format!("tenant {slug} not found; `holdfast admin tenant list` shows all tenants"))?;
    Ok(row.try_get("id")?)
}
