//! `holdfast admin user`: lists, creates and restores users: the first operator, and recovery when the last admin is lost.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::db::FromRow;
use holdfast_shared::identity::password;
use holdfast_shared::permission::Role;
use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_shared::text::{Reason, Username};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::owner::{AuditEntry, Owner, commit, tenant_id};
use super::print;

/// List, create, suspend and restore users in the database that `DATABASE_URL` names, as its owner
#[derive(Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

/// The user that a command acts on.
#[derive(Args)]
struct Target {
    /// Username
    username: Username,
    /// Slug of the tenant; without it, the platform's operators
    #[arg(long, requires = "reason")]
    tenant: Option<String>,
    /// Why, for the tenant's admins, who find it in their audit log; needed with --tenant
    #[arg(long)]
    reason: Option<Reason>,
}

#[derive(Subcommand)]
enum Command {
    /// List the users of a tenant, or the operators
    List {
        /// Slug of the tenant; without it, the platform's operators
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Create a user with a generated password, which is shown once
    Create {
        #[command(flatten)]
        target: Target,
        /// Role: viewer, editor or admin; for the platform always operator
        #[arg(long, default_value = "operator")]
        role: Role,
    },
    /// Reset a user's password to a generated one, shown once; end their sessions and disable TOTP
    ResetPassword {
        #[command(flatten)]
        target: Target,
    },
    /// Suspend a user and end all their sessions
    Suspend {
        #[command(flatten)]
        target: Target,
    },
    /// Activate a suspended user
    Activate {
        #[command(flatten)]
        target: Target,
    },
    /// End all sessions of a user
    Revoke {
        #[command(flatten)]
        target: Target,
    },
}

const LIST: &str = "SELECT u.id, u.username, u.role, u.status, EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL) AS has_totp
      FROM users u WHERE u.tenant_id = $1 ORDER BY u.username_key";
const INSERT: &str =
    "INSERT INTO users (id, tenant_id, username, username_key, role, password_hash, created_at, updated_at)
      VALUES ($1, $2, $3, $7, $4, $5, $6, $6) ON CONFLICT (tenant_id, username_key) DO NOTHING";
const FIND: &str = "SELECT id FROM users WHERE tenant_id = $1 AND username_key = $2 FOR UPDATE";
const SET_STATUS: &str = "UPDATE users SET status = $2, version = version + 1, updated_at = $3 WHERE id = $1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = $2, version = version + 1, updated_at = $3 WHERE id = $1";
const DELETE_TOTP: &str = "DELETE FROM totp_secrets WHERE user_id = $1";
const END_SESSIONS: &str =
    "UPDATE sessions SET ended_at = $2, end_reason = 'revoked' WHERE user_id = $1 AND ended_at IS NULL";

/// A row of [`LIST`].
#[derive(FromRow)]
struct Listed {
    id: Uuid,
    username: String,
    role: String,
    status: String,
    has_totp: bool,
}

impl User {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let mut owner = Owner::connect().await?;
        match self.command {
            Command::List { tenant } => list(&owner, tenant.as_deref()).await,
            Command::Create { target, role } => create(&mut owner, &target, role).await,
            Command::ResetPassword { target } => {
                let (password, hash) = generate()?;
                let change = Change {
                    command: "holdfast admin user reset-password",
                    action: "user.update",
                    changed: &["password", "totp"],
                };
                change.apply(&mut owner, &target, Some(&hash), None).await?;
                shown(target.username.as_str(), &password)
            }
            Command::Suspend { target } => {
                let change =
                    Change { command: "holdfast admin user suspend", action: "user.update", changed: &["status"] };
                change.apply(&mut owner, &target, None, Some("suspended")).await?;
                print(&format!("{} is suspended now.\n", target.username.as_str()))
            }
            Command::Activate { target } => {
                let change =
                    Change { command: "holdfast admin user activate", action: "user.update", changed: &["status"] };
                change.apply(&mut owner, &target, None, Some("active")).await?;
                print(&format!("{} is active now.\n", target.username.as_str()))
            }
            Command::Revoke { target } => {
                let change = Change { command: "holdfast admin user revoke", action: "user.revoke", changed: &[] };
                change.apply(&mut owner, &target, None, None).await?;
                print(&format!("All sessions of {} have ended.\n", target.username.as_str()))
            }
        }
    }
}

fn generate() -> anyhow::Result<(SecretString, String)> {
    let rng: &dyn Rng = &SystemRng;
    let password = SecretString::from(rng.base62(24));
    let hash = password::hash(&password, rng).context("the password cannot be hashed")?;
    Ok((password, hash))
}

fn shown(username: &str, password: &SecretString) -> anyhow::Result<()> {
    print(&format!("The password of {username}, shown here only: {}\n", password.expose_secret()))
}

async fn list(owner: &Owner, tenant: Option<&str>) -> anyhow::Result<()> {
    let tenant = tenant_id(owner.client(), tenant).await?;
    let mut text = String::new();
    for row in owner.client().query(LIST, &[&tenant]).await? {
        let Listed { id, username, role, status, has_totp } = Listed::from_row(&row)?;
        let totp = if has_totp { "TOTP" } else { "" };
        writeln!(text, "{id}  {username:<24} {role:<9} {status:<10} {totp}")?;
    }
    print(&text)
}

async fn create(owner: &mut Owner, target: &Target, role: Role) -> anyhow::Result<()> {
    ensure!(
        target.tenant.is_none() == (role == Role::Operator),
        "operators belong to the platform, and all other users to a tenant; give --tenant and --role viewer, editor or admin, or neither"
    );
    let tenant = tenant_id(owner.client(), target.tenant.as_deref()).await?;
    let (password, hash) = generate()?;
    let now = SystemClock.now();
    let rng: &dyn Rng = &SystemRng;
    let id = rng.uuid(now);
    let transaction = owner.begin().await?;
    let values: [&(dyn ToSql + Sync); 7] =
        [&id, &tenant, &target.username.as_str(), &role.name(), &hash, &now, &target.username.key()];
    let inserted = transaction.execute(INSERT, &values).await?;
    ensure!(
        inserted == 1,
        "a user named {} already exists; `holdfast admin user reset-password` sets a new password",
        target.username.as_str()
    );
    let entry = AuditEntry {
        action: "user.create",
        command: "holdfast admin user create",
        tenant,
        target: ("user_id", id),
        changed: &["username", "role", "password"],
        reason: target.reason.as_ref(),
    };
    commit(transaction, &entry).await?;
    shown(target.username.as_str(), &password)
}

/// A change to one user, which ends their sessions unless it activates them.
struct Change<'a> {
    command: &'a str,
    action: &'a str,
    changed: &'a [&'a str],
}

impl Change<'_> {
    async fn apply(
        &self,
        owner: &mut Owner,
        target: &Target,
        hash: Option<&str>,
        status: Option<&str>,
    ) -> anyhow::Result<()> {
        let tenant = tenant_id(owner.client(), target.tenant.as_deref()).await?;
        let transaction = owner.begin().await?;
        let user = find(&transaction, tenant, &target.username).await?;
        let now = SystemClock.now();
        if let Some(hash) = hash {
            transaction.execute(SET_PASSWORD, &[&user, &hash, &now]).await?;
            transaction.execute(DELETE_TOTP, &[&user]).await?;
        }
        if let Some(status) = status {
            transaction.execute(SET_STATUS, &[&user, &status, &now]).await?;
        }
        if status != Some("active") {
            transaction.execute(END_SESSIONS, &[&user, &now]).await?;
        }
        let (action, command, changed) = (self.action, self.command, self.changed);
        let (reason, target) = (target.reason.as_ref(), ("user_id", user));
        commit(transaction, &AuditEntry { action, command, tenant, target, changed, reason }).await
    }
}

async fn find(transaction: &Transaction<'_>, tenant: Uuid, username: &Username) -> anyhow::Result<Uuid> {
    let row = transaction.query_opt(FIND, &[&tenant, &username.key()]).await?;
    let username = username.as_str();
    let row = row.with_context(|| format!("user {username} not found; `holdfast admin user list` shows all users"))?;
    Ok(row.try_get("id")?)
}
