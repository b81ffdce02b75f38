//! The demo tenant and the operator: created on the first run, with passwords that only `credentials.json` has.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use holdfast_migrate::Plan;
use holdfast_shared::clock::Clock;
use holdfast_shared::config::BootstrapUser;
use holdfast_shared::db::OwnerEntry;
use holdfast_shared::identity::password;
use holdfast_shared::rng::Rng;
use secrecy::SecretString;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::credentials::{Credentials, Login, TENANT};
use crate::data_dir::DataDir;

/// Selects the demo users that exist.
const EXISTING: &str = "SELECT u.username FROM users u JOIN tenants t ON t.id = u.tenant_id \
    WHERE u.username = ANY ($1) AND t.slug = CASE u.role WHEN 'operator' THEN 'platform' ELSE $2 END";

const SET_PASSWORD: &str = "UPDATE users u SET password_hash = $3, version = u.version + 1, updated_at = $4 \
    FROM tenants t WHERE t.id = u.tenant_id AND t.slug = $1 AND u.username = $2 RETURNING u.id, u.tenant_id";
const END_SESSIONS: &str = "UPDATE sessions s SET ended_at = $3, end_reason = 'password' FROM users u JOIN tenants t \
    ON t.id = u.tenant_id WHERE t.slug = $1 AND u.username = $2 AND s.user_id = u.id AND s.ended_at IS NULL";

const IS_MIGRATED: &str = "SELECT to_regclass('public.tenants') IS NOT NULL AS migrated";
const IS_IN_USE: &str = "SELECT count(*) > 0 AND bool_and(slug <> $1) AS in_use FROM tenants WHERE slug <> 'platform'";

/// Rejects a database that serves a deployment: a local run would change its roles' login secrets.
pub(super) async fn spare_a_deployment(plan: &Plan) -> anyhow::Result<()> {
    let owner = holdfast_shared::db::connect_owner(&plan.database_url, plan.database_ca_file.as_deref()).await?;
    let migrated: bool = owner.query_one(IS_MIGRATED, &[]).await?.try_get("migrated")?;
    ensure!(
        !migrated || !owner.query_one(IS_IN_USE, &[&TENANT]).await?.try_get::<_, bool>("in_use")?,
        "the database that DATABASE_URL names has tenants, and none is {TENANT}: it serves a deployment; use another"
    );
    Ok(())
}

/// Context in which the demo users are created.
pub(super) struct Demo<'a> {
    /// Data folder.
    pub(super) dir: &'a DataDir,
    /// Allows resetting the users' passwords: only in the run's private database.
    pub(super) may_reset: bool,
    /// Clock.
    pub(super) clock: &'a Arc<dyn Clock>,
    /// Random source.
    pub(super) rng: &'a Arc<dyn Rng>,
}

impl Demo<'_> {
    /// Creates missing users and the credentials file. Returns a note if passwords had to be reset.
    pub(super) async fn ensure(&self, plan: &Plan, url: &str) -> anyhow::Result<(Credentials, Option<String>)> {
        let stored = Credentials::load(self.dir)?;
        let lost = stored.is_none();
        let mut credentials = stored.clone().unwrap_or_else(|| Credentials::generate(url, self.rng.as_ref()));
        url.clone_into(&mut credentials.url);

        let mut owner =
            holdfast_shared::db::connect_owner(&plan.database_url, plan.database_ca_file.as_deref()).await?;
        let transaction = owner.transaction().await?;
        let existing = existing(&transaction, &credentials).await?;
        let (known, missing): (Vec<_>, Vec<_>) =
            credentials.users.values().partition(|login| existing.contains(&login.username));
        let reset = lost && !known.is_empty();
        if reset && !self.may_reset {
            bail!(
                "the database has the users {} of another run, and {} has no credentials.json for them; start with \
                 that run's --data-dir, or use another database",
                existing.into_iter().collect::<Vec<_>>().join(", "),
                self.dir.path().display()
            );
        }
        let users = self.hashed(missing).await?;
        holdfast_migrate::create_users(&transaction, &users, "holdfast run", self.clock.as_ref(), self.rng.as_ref())
            .await?;
        if reset {
            for user in self.hashed(known).await? {
                self.reset(&transaction, &user).await?;
            }
        }
        // The file is written before the commit: users with unknown passwords would be worse than an unused file.
        if stored.as_ref() != Some(&credentials) {
            credentials.save(self.dir)?;
        }
        transaction.commit().await?;
        let note = reset.then(|| "credentials.json was lost: the demo users have new passwords.".to_owned());
        Ok((credentials, note))
    }

    /// Hashes the users' passwords, in parallel.
    async fn hashed(&self, logins: Vec<&Login>) -> anyhow::Result<Vec<BootstrapUser>> {
        let hash = |login: &Login| {
            let password = SecretString::from(login.password.clone());
            let rng = Arc::clone(self.rng);
            tokio::task::spawn_blocking(move || password::hash(&password, rng.as_ref()))
        };
        let hashes: Vec<_> = logins.iter().map(|login| hash(login)).collect();
        let mut users = Vec::with_capacity(logins.len());
        for (login, hash) in logins.into_iter().zip(hashes) {
            users.push(BootstrapUser {
                tenant: login.tenant().map(str::to_owned),
                username: login.username.parse()?,
                role: login.role,
                password_hash: hash.await?.context("a password cannot be hashed")?,
            });
        }
        Ok(users)
    }

    async fn reset(&self, transaction: &Transaction<'_>, user: &BootstrapUser) -> anyhow::Result<()> {
        let tenant = user.tenant.as_deref().unwrap_or("platform");
        let now = self.clock.now();
        let values: [&(dyn ToSql + Sync); 4] = [&tenant, &user.username.as_str(), &user.password_hash, &now];
        let row = transaction.query_one(SET_PASSWORD, &values).await?;
        transaction.execute(END_SESSIONS, &[&tenant, &user.username.as_str(), &now]).await?;
        let entry = OwnerEntry {
            request_id: &self.rng.uuid(now).to_string(),
            method: "CLI",
            path: "holdfast run",
            action: "user.update",
            tenant: row.try_get("tenant_id")?,
            target: ("user_id", row.try_get::<_, Uuid>("id")?.to_string().into()),
            changed: &["password"],
            reason: None,
            program: concat!("holdfast ", env!("CARGO_PKG_VERSION")),
        };
        Ok(entry.record(transaction).await?)
    }
}

async fn existing(transaction: &Transaction<'_>, credentials: &Credentials) -> anyhow::Result<BTreeSet<String>> {
    let names: Vec<&str> = credentials.users.keys().map(String::as_str).collect();
    let rows = transaction.query(EXISTING, &[&names, &TENANT]).await?;
    Ok(rows.iter().map(|row| row.try_get("username")).collect::<Result<_, _>>()?)
}
