//! `holdfast tenant`: tenants, from a terminal.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::rng::{Rng, SystemRng};
use uuid::Uuid;

use super::owner::{AuditEntry, Owner, commit};
use super::print;

/// Lists, makes and suspends tenants on the database that `DATABASE_URL` (the owner's) names
#[derive(Args)]
pub(super) struct Tenant {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows all tenants
    List,
    /// Makes a tenant
    Create {
        /// Its name at sign-in: lower-case letters, digits and hyphens
        slug: String,
        /// Its name for people; the slug unless told
        #[arg(long)]
        name: Option<String>,
    },
    /// Refuses all principals of a tenant, at once
    Suspend {
        /// The tenant's slug
        slug: String,
    },
    /// Lets the principals of a tenant in again
    Activate {
        /// The tenant's slug
        slug: String,
    },
}

const LIST: &str = "SELECT t.id, t.slug, t.status, t.name, (SELECT count(*) FROM users u WHERE u.tenant_id = t.id)
      FROM tenants t ORDER BY t.slug";
const INSERT: &str = "INSERT INTO tenants (id, slug, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (slug) DO NOTHING";
const SET_STATUS: &str = "UPDATE tenants SET status = $2, version = version + 1, updated_at = $3
      WHERE slug = $1 AND id <> '00000000-0000-0000-0000-000000000000' RETURNING id";

impl Tenant {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let mut owner = Owner::connect().await?;
        match self.command {
            Command::List => list(&owner).await,
            Command::Create { slug, name } => create(&mut owner, &slug, name.as_deref()).await,
            Command::Suspend { slug } => set_status(&mut owner, &slug, "suspended").await,
            Command::Activate { slug } => set_status(&mut owner, &slug, "active").await,
        }
    }
}

async fn list(owner: &Owner) -> anyhow::Result<()> {
    let mut text = String::new();
    for row in owner.client().query(LIST, &[]).await? {
        let (id, slug, status, name, users): (Uuid, &str, &str, &str, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        writeln!(text, "{id}  {slug:<24} {status:<10} {users:>5} users  {name}")?;
    }
    print(&text)
}

async fn create(owner: &mut Owner, slug: &str, name: Option<&str>) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let rng: &dyn Rng = &SystemRng;
    let id = rng.uuid(now);
    let transaction = owner.begin().await?;
    let made = transaction.execute(INSERT, &[&id, &slug, &name.unwrap_or(slug), &now]).await;
    let made =
        made.context("the slug takes lower-case letters, digits and hyphens, 63 at most; the name 200 characters")?;
    ensure!(made == 1, "the slug {slug} is taken; `holdfast tenant list` shows by whom");
    let changed = ["slug", "name"];
    let command = "holdfast tenant create";
    commit(
        transaction,
        &AuditEntry {
            action: "tenant.create",
            command,
            tenant: Uuid::nil(),
            target: ("tenant_id", id),
            changed: &changed,
        },
    )
    .await?;
    print(&format!(
        "Made the tenant {slug} ({id}). `holdfast user create --tenant {slug} NAME --role admin` makes its first admin.\n"
    ))
}

async fn set_status(owner: &mut Owner, slug: &str, status: &str) -> anyhow::Result<()> {
    let transaction = owner.begin().await?;
    let row = transaction.query_opt(SET_STATUS, &[&slug, &status, &SystemClock.now()]).await?;
    let id: Uuid = row.with_context(|| format!("there is no tenant {slug}; `holdfast tenant list` shows them"))?.get(0);
    let command = "holdfast tenant";
    commit(
        transaction,
        &AuditEntry { action: "tenant.update", command, tenant: id, target: ("tenant_id", id), changed: &["status"] },
    )
    .await?;
    print(&format!("The tenant {slug} is {status} now.\n"))
}
