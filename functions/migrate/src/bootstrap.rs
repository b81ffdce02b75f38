//! The rows that a deployment starts with: the public signing key, and the first tenants, users and API tokens. Each has its
//! audit row, and each is created at most once in the life of the database, which remembers it: what was deleted, renamed
//! or revoked does not return. Existing tenants, users and tokens are never changed.

use data_encoding::HEXLOWER;
use holdfast_shared::clock::Clock;
use holdfast_shared::config::{BootstrapToken, BootstrapUser};
use holdfast_shared::db::OwnerEntry;
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::signer::{NewKey, Rotation};
use holdfast_shared::rng::Rng;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use crate::error::MigrateError;
use crate::plan::Plan;

/// Numbers of the rows that were missing and were created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Created {
    /// Tenants.
    pub tenants: u64,
    /// Users.
    pub users: u64,
    /// API tokens.
    pub tokens: u64,
    /// Public signing keys.
    pub signing_keys: u64,
}

/// The first key signs at once. A key that replaces another is published before it signs, as in a rotation.
const INSERT_SIGNING_KEY: &str = "WITH created AS (
        INSERT INTO signing_keys (kid, x, y, provider_key, created_at, activates_at, origin)
        SELECT $1, $2, $3, $4, $5, CASE WHEN EXISTS (SELECT FROM signing_keys) THEN $6::timestamptz ELSE $5 END,
            'configuration'
        ON CONFLICT DO NOTHING RETURNING kid
    ), retired AS (
        UPDATE signing_keys SET expires_at = $7 WHERE expires_at IS NULL AND EXISTS (SELECT FROM created)
    )
    SELECT count(*) AS created FROM created";
const INSERT_TENANT: &str = "INSERT INTO tenants (id, slug, name, created_at, updated_at) VALUES ($1, $2, $2, $3, $3) \
    ON CONFLICT (slug) DO NOTHING";
const TENANT_BY_SLUG: &str = "SELECT id FROM tenants WHERE slug = $1";
const INSERT_TOKEN: &str = "INSERT INTO api_tokens (id, tenant_id, name, prefix, hash, scopes, created_at, expires_at) \
    VALUES ($1, $2, $3, 'hfk_', $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING";
const INSERT_USER: &str = "INSERT INTO users (id, tenant_id, username, username_key, role, password_hash, created_at, updated_at) \
    VALUES ($1, $2, $3, $7, $4, $5, $6, $6) ON CONFLICT (tenant_id, username_key) DO NOTHING";
const REMEMBER: &str = "INSERT INTO bootstrapped (kind, name, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// Creates the rows that the plan names and the database never had, in one transaction.
pub(crate) async fn create(
    owner: &mut Client,
    plan: &Plan,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Created, MigrateError> {
    let transaction = owner.transaction().await?;
    let mut created = create_users(&transaction, &plan.users, "AUTH_USERS", clock, rng).await?;
    let run = Run::new(&transaction, "API_TOKENS", clock, rng);
    for token in &plan.tokens {
        created.tokens += run.create_token(token).await?;
    }
    if let Some(key) = &plan.signing_key {
        created.signing_keys = Run { source: "signing key", ..run }.register(key).await?;
    }
    transaction.commit().await?;
    Ok(created)
}

/// Creates the users that the database never had, and their tenants. An existing user keeps its password, role and status.
/// `source` is the setting or command that names them, for the audit rows.
///
/// # Errors
/// [`MigrateError::User`] where the database rejects a tenant or a user.
pub async fn create_users(
    transaction: &Transaction<'_>,
    users: &[BootstrapUser],
    source: &'static str,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Created, MigrateError> {
    let run = Run::new(transaction, source, clock, rng);
    let mut created = Created::default();
    for user in users {
        let tenant = match &user.tenant {
            None => TenantId::PLATFORM,
            Some(slug) => {
                created.tenants += run.create_tenant(slug).await?;
                match run.tenant(slug).await? {
                    Some(tenant) => tenant,
                    None => continue,
                }
            }
        };
        created.users += run.create_user(user, tenant).await?;
    }
    Ok(created)
}

/// The creation of rows in one transaction.
struct Run<'a> {
    transaction: &'a Transaction<'a>,
    source: &'static str,
    clock: &'a dyn Clock,
    rng: &'a dyn Rng,
    request_id: Uuid,
}

impl<'a> Run<'a> {
    fn new(transaction: &'a Transaction<'a>, source: &'static str, clock: &'a dyn Clock, rng: &'a dyn Rng) -> Self {
        Self { transaction, source, clock, rng, request_id: rng.uuid(clock.now()) }
    }

    /// The present time, read for each row: lists are ordered by it.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Remembers that a setting names this. Returns whether it is the first time.
    async fn is_first(&self, kind: &str, name: &str) -> Result<bool, MigrateError> {
        Ok(self.transaction.execute(REMEMBER, &[&kind, &name, &self.now()]).await? == 1)
    }

    /// Records a row that was created. Returns the number of rows, for [`Created`].
    async fn record(
        &self,
        action: &str,
        tenant: TenantId,
        target: (&str, String),
        changed: &[&str],
    ) -> Result<u64, MigrateError> {
        let entry = OwnerEntry {
            request_id: &self.request_id.to_string(),
            method: "MIGRATE",
            path: self.source,
            action,
            tenant,
            target: (target.0, target.1.into()),
            changed,
            reason: None,
            program: concat!("holdfast ", env!("CARGO_PKG_VERSION")),
        };
        entry.record(self.transaction).await?;
        Ok(1)
    }

    async fn tenant(&self, slug: &str) -> Result<Option<TenantId>, MigrateError> {
        let row = self.transaction.query_opt(TENANT_BY_SLUG, &[&slug]).await?;
        Ok(row.map(|row| row.try_get("id")).transpose()?)
    }

    async fn create_tenant(&self, slug: &str) -> Result<u64, MigrateError> {
        let now = self.now();
        let id = self.rng.uuid(now);
        if !self.is_first("tenant", slug).await?
            || self.transaction.execute(INSERT_TENANT, &[&id, &slug, &now]).await.map_err(rejected)? == 0
        {
            return Ok(0);
        }
        self.record("tenant.create", TenantId::PLATFORM, ("tenant_id", id.to_string()), &["slug", "name"]).await
    }

    async fn create_user(&self, user: &BootstrapUser, tenant: TenantId) -> Result<u64, MigrateError> {
        let now = self.now();
        let id = self.rng.uuid(now);
        let key = user.username.key();
        let name = format!("{}:{key}", user.tenant.as_deref().unwrap_or_default());
        let username = user.username.as_str();
        let values: [&(dyn ToSql + Sync); 7] =
            [&id, &tenant, &username, &user.role.name(), &user.password_hash, &now, &key];
        if !self.is_first("user", &name).await?
            || self.transaction.execute(INSERT_USER, &values).await.map_err(rejected)? == 0
        {
            return Ok(0);
        }
        self.record("user.create", tenant, ("user_id", id.to_string()), &["username", "role", "password"]).await
    }

    /// Creates a token; its lifetime begins now.
    async fn create_token(&self, token: &BootstrapToken) -> Result<u64, MigrateError> {
        let tenant = match &token.tenant {
            None => TenantId::PLATFORM,
            Some(slug) => self.tenant(slug).await?.ok_or_else(|| MigrateError::NoTenant(slug.clone()))?,
        };
        let now = self.now();
        let id = self.rng.uuid(now);
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let expires_at = now + SignedDuration::from_hours(24 * i64::from(token.max_days));
        let values: [&(dyn ToSql + Sync); 7] = [&id, &tenant, &token.name, &token.hash, &scopes, &now, &expires_at];
        if !self.is_first("api_token", &HEXLOWER.encode(&token.hash)).await?
            || self.transaction.execute(INSERT_TOKEN, &values).await? == 0
        {
            return Ok(0);
        }
        self.record("token.create", tenant, ("token_id", id.to_string()), &["name", "scopes", "expires_at"]).await
    }

    /// Registers the public half of the configured signing key.
    async fn register(&self, NewKey { public, provider_key }: &NewKey) -> Result<u64, MigrateError> {
        let Rotation { now, activates_at, old_expire_at } = Rotation::at(self.now());
        let kid = public.thumbprint();
        let values: [&(dyn ToSql + Sync); 7] =
            [&kid, &public.x, &public.y, provider_key, &now, &activates_at, &old_expire_at];
        if !self.is_first("signing_key", &kid).await?
            || self.transaction.query_one(INSERT_SIGNING_KEY, &values).await?.try_get::<_, i64>("created")? == 0
        {
            return Ok(0);
        }
        self.record("key.register", TenantId::PLATFORM, ("key_id", kid), &["signing"]).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn rejected(error: tokio_postgres::Error) -> MigrateError {
    MigrateError::User(holdfast_shared::db::cause(&error))
}
