//! `holdfast user`: users, from a terminal: the first operator, and the way back in when the last admin is lost.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::identity::password;
use holdfast_shared::permission::Role;
use holdfast_shared::rng::{Rng, SystemRng};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::owner::{AuditEntry, Owner, commit, tenant_id};
use super::print;

/// Lists, makes, suspends and lets back in users on the database that `DATABASE_URL` (the owner's) names
#[derive(Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

/// Who is meant.
#[derive(Args)]
struct Who {
    /// The username
    username: String,
    /// The tenant's slug; the platform's operators without it
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the users of a tenant, or the operators
    List {
        /// The tenant's slug; the platform's operators without it
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Makes a user with a generated password, which is shown once
    Create {
        #[command(flatten)]
        who: Who,
        /// viewer, editor or admin; of the platform always operator
        #[arg(long, default_value = "operator")]
        role: Role,
    },
    /// Gives a user a new generated password, shown once, and ends their sessions and one-time codes
    ResetPassword {
        #[command(flatten)]
        who: Who,
    },
    /// Refuses a user at once, in all sessions
    Suspend {
        #[command(flatten)]
        who: Who,
    },
    /// Lets a user in again
    Activate {
        #[command(flatten)]
        who: Who,
    },
    /// Ends all sessions of a user
    Revoke {
        #[command(flatten)]
        who: Who,
    },
}

const LIST: &str = "SELECT u.id, u.username, u.role, u.status, EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL)
      FROM users u WHERE u.tenant_id = $1 ORDER BY lower(u.username)";
const INSERT: &str = "INSERT INTO users (id, tenant_id, username, role, password_hash, created_at, updated_at)
      VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (tenant_id, lower(username)) DO NOTHING";
const FIND: &str = "SELECT id FROM users WHERE tenant_id = $1 AND lower(username) = lower($2) FOR UPDATE";
const SET_STATUS: &str = "UPDATE users SET status = $2, version = version + 1, updated_at = $3 WHERE id = $1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = $2, version = version + 1, updated_at = $3 WHERE id = $1";
const FORGET_CODES: &str = "DELETE FROM totp_secrets WHERE user_id = $1";
const END_SESSIONS: &str =
    "UPDATE sessions SET ended_at = $2, end_reason = 'revoked' WHERE user_id = $1 AND ended_at IS NULL";

impl User {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let mut owner = Owner::connect().await?;
        match self.command {
            Command::List { tenant } => list(&owner, tenant.as_deref()).await,
            Command::Create { who, role } => create(&mut owner, &who, role).await,
            Command::ResetPassword { who } => {
                let (password, hash) = generate()?;
                let change = Change {
                    command: "holdfast user reset-password",
                    action: "user.update",
                    changed: &["password", "totp"],
                };
                change.make(&mut owner, &who, Some(&hash), None).await?;
                shown(&who.username, &password)
            }
            Command::Suspend { who } => {
                let change = Change { command: "holdfast user suspend", action: "user.update", changed: &["status"] };
                change.make(&mut owner, &who, None, Some("suspended")).await?;
                print(&format!("{} is suspended now.\n", who.username))
            }
            Command::Activate { who } => {
                let change = Change { command: "holdfast user activate", action: "user.update", changed: &["status"] };
                change.make(&mut owner, &who, None, Some("active")).await?;
                print(&format!("{} is active now.\n", who.username))
            }
            Command::Revoke { who } => {
                let change = Change { command: "holdfast user revoke", action: "user.revoke", changed: &[] };
                change.make(&mut owner, &who, None, None).await?;
                print(&format!("All sessions of {} have ended.\n", who.username))
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
        let (id, username, role, status, mfa): (Uuid, &str, &str, &str, bool) =
            (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        let codes = if mfa { "one-time codes" } else { "" };
        writeln!(text, "{id}  {username:<24} {role:<9} {status:<10} {codes}")?;
    }
    print(&text)
}

async fn create(owner: &mut Owner, who: &Who, role: Role) -> anyhow::Result<()> {
    ensure!(
        who.tenant.is_none() == (role == Role::Operator),
        "operators belong to the platform, and all others to a tenant; give --tenant and --role viewer, editor or admin, or neither"
    );
    let tenant = tenant_id(owner.client(), who.tenant.as_deref()).await?;
    let (password, hash) = generate()?;
    let now = SystemClock.now();
    let rng: &dyn Rng = &SystemRng;
    let id = rng.uuid(now);
    let transaction = owner.begin().await?;
    let made = transaction.execute(INSERT, &[&id, &tenant, &who.username, &role.name(), &hash, &now]).await?;
    ensure!(made == 1, "there is a user {} already; `holdfast user reset-password` lets them in again", who.username);
    let deed = AuditEntry {
        action: "user.create",
        command: "holdfast user create",
        tenant,
        target: ("user_id", id),
        changed: &["username", "role", "password"],
    };
    commit(transaction, &deed).await?;
    shown(&who.username, &password)
}

/// A change to one user, with the end of their sessions.
struct Change<'a> {
    command: &'a str,
    action: &'a str,
    changed: &'a [&'a str],
}

impl Change<'_> {
    async fn make(&self, owner: &mut Owner, who: &Who, hash: Option<&str>, status: Option<&str>) -> anyhow::Result<()> {
        let tenant = tenant_id(owner.client(), who.tenant.as_deref()).await?;
        let transaction = owner.begin().await?;
        let user = find(&transaction, tenant, &who.username).await?;
        let now = SystemClock.now();
        if let Some(hash) = hash {
            transaction.execute(SET_PASSWORD, &[&user, &hash, &now]).await?;
            transaction.execute(FORGET_CODES, &[&user]).await?;
        }
        if let Some(status) = status {
            transaction.execute(SET_STATUS, &[&user, &status, &now]).await?;
        }
        if status != Some("active") {
            transaction.execute(END_SESSIONS, &[&user, &now]).await?;
        }
        let (action, command, changed) = (self.action, self.command, self.changed);
        commit(transaction, &AuditEntry { action, command, tenant, target: ("user_id", user), changed }).await
    }
}

async fn find(transaction: &Transaction<'_>, tenant: Uuid, username: &str) -> anyhow::Result<Uuid> {
    let row = transaction.query_opt(FIND, &[&tenant, &username]).await?;
    Ok(row.with_context(|| format!("there is no user {username}; `holdfast user list` shows them"))?.get(0))
}
