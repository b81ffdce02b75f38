//! `holdfast admin tenant`: lists, creates and suspends tenants.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::db::FromRow;
use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_shared::text::{InvalidLabel, Label, Reason};
use uuid::Uuid;

use super::owner::{AuditEntry, Owner, commit};
use super::print;

/// List, create, suspend and activate tenants in the database that `DATABASE_URL` names, as its owner
#[derive(Args)]
pub(super) struct Tenant {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List all tenants
    List,
    /// Create a tenant
    Create {
        /// Slug, the tenant's name at sign-in: lower-case letters, digits and hyphens
        slug: String,
        /// Display name; default: the slug
        #[arg(long, value_parser = label)]
        name: Option<Label>,
    },
    /// Suspend a tenant: all its principals are rejected from now on
    Suspend(Target),
    /// Activate a suspended tenant
    Activate(Target),
}

/// The tenant that a command changes.
#[derive(Args)]
struct Target {
    /// Slug of the tenant
    slug: String,
    /// Why, for the tenant's admins, who find it in their audit log
    #[arg(long)]
    reason: Reason,
}

fn label(text: &str) -> Result<Label, InvalidLabel> {
    Label::try_from(text.to_owned())
}

const LIST: &str =
    "SELECT t.id, t.slug, t.status, t.name, (SELECT count(*) FROM users u WHERE u.tenant_id = t.id) AS users
      FROM tenants t ORDER BY t.slug";
const INSERT: &str = "INSERT INTO tenants (id, slug, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (slug) DO NOTHING";
const SET_STATUS: &str = "UPDATE tenants SET status = $2, version = version + 1, updated_at = $3
      WHERE slug = $1 AND id <> '00000000-0000-0000-0000-000000000000' RETURNING id";

/// A row of [`LIST`].
#[derive(FromRow)]
struct Listed {
    id: Uuid,
    slug: String,
    status: String,
    name: String,
    users: i64,
}

impl Tenant {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let mut owner = Owner::connect().await?;
        match self.command {
            Command::List => list(&owner).await,
            Command::Create { slug, name } => create(&mut owner, &slug, name.as_ref().map(Label::as_str)).await,
            Command::Suspend(target) => set_status(&mut owner, &target, "suspended").await,
            Command::Activate(target) => set_status(&mut owner, &target, "active").await,
        }
    }
}

async fn list(owner: &Owner) -> anyhow::Result<()> {
    let mut text = String::new();
    for row in owner.client().query(LIST, &[]).await? {
        let Listed { id, slug, status, name, users } = Listed::from_row(&row)?;
        writeln!(text, "{id}  {slug:<24} {status:<10} {users:>5} users  {name}")?;
    }
    print(&text)
}

async fn create(owner: &mut Owner, slug: &str, name: Option<&str>) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let rng: &dyn Rng = &SystemRng;
    let id = rng.uuid(now);
    let transaction = owner.begin().await?;
    let inserted = transaction.execute(INSERT, &[&id, &slug, &name.unwrap_or(slug), &now]).await;
    let inserted = inserted
        .context("the slug takes lower-case letters, digits and hyphens, 63 at most; the name 200 characters")?;
    ensure!(inserted == 1, "a tenant with the slug {slug} already exists; `holdfast admin tenant list` shows it");
    let changed = ["slug", "name"];
    let command = "holdfast admin tenant create";
    commit(
        transaction,
        &AuditEntry {
            action: "tenant.create",
            command,
            tenant: Uuid::nil(),
            target: ("tenant_id", id),
            changed: &changed,
            reason: None,
        },
    )
    .await?;
    print(&format!(
        "Created the tenant {slug} ({id}). `holdfast admin user create --tenant {slug} NAME --role admin --reason WHY` creates its first admin.\n"
    ))
}

async fn set_status(owner: &mut Owner, Target { slug, reason }: &Target, status: &str) -> anyhow::Result<()> {
    let transaction = owner.begin().await?;
    let row = transaction.query_opt(SET_STATUS, &[slug, &status, &SystemClock.now()]).await?;
    let row =
        row.with_context(|| format!("tenant {slug} not found; `holdfast admin tenant list` shows all tenants"))?;
    let id: Uuid = row.try_get("id")?;
    let command = "holdfast admin tenant";
    commit(
        transaction,
        &AuditEntry {
            action: "tenant.update",
            command,
            tenant: id,
            target: ("tenant_id", id),
            changed: &["status"],
            reason: Some(reason),
        },
    )
    .await?;
    print(&format!("The tenant {slug} is {status} now.\n"))
}
