//! The rows that a deployment starts with: the public signing key, and the first tenants, users and API tokens.
//! Existing tenants, users and tokens are never changed.

use holdfast_shared::clock::Clock;
use holdfast_shared::config::{BootstrapToken, BootstrapUser};
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::signer::{NewKey, Rotation};
use holdfast_shared::rng::Rng;
use jiff::SignedDuration;
use serde::Serialize;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, GenericClient};

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
const INSERT_USER: &str = "INSERT INTO users (id, tenant_id, username, role, password_hash, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (tenant_id, lower(username)) DO NOTHING";

/// Creates the rows that the plan names and the database lacks, in one transaction.
pub(crate) async fn create(
    owner: &mut Client,
    plan: &Plan,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Created, MigrateError> {
    let transaction = owner.transaction().await?;
    let mut created = create_users(&transaction, &plan.users, clock, rng).await?;
    for token in &plan.tokens {
        created.tokens += create_token(&transaction, token, clock, rng).await?;
    }
    if let Some(NewKey { public, provider_key }) = &plan.signing_key {
        let Rotation { now, activates_at, old_expire_at } = Rotation::at(clock.now());
        let values: [&(dyn ToSql + Sync); 7] =
            [&public.thumbprint(), &public.x, &public.y, provider_key, &now, &activates_at, &old_expire_at];
        let keys: i64 = transaction.query_one(INSERT_SIGNING_KEY, &values).await?.try_get("created")?;
        created.signing_keys = keys.unsigned_abs();
    }
    transaction.commit().await?;
    Ok(created)
}

/// Creates a token that is missing; its lifetime begins now. A revoked one stays revoked.
async fn create_token(
    owner: &impl GenericClient,
    token: &BootstrapToken,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<u64, MigrateError> {
    let now = clock.now();
    let tenant = match &token.tenant {
        None => TenantId::PLATFORM,
        Some(slug) => {
            let row = owner.query_opt(TENANT_BY_SLUG, &[slug]).await?;
            row.ok_or_else(|| MigrateError::NoTenant(slug.clone()))?.try_get("id")?
        }
    };
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
    let expires_at = now + SignedDuration::from_hours(24 * i64::from(token.max_days));
    let values: [&(dyn ToSql + Sync); 7] =
        [&rng.uuid(now), &tenant, &token.name, &token.hash, &scopes, &now, &expires_at];
    Ok(owner.execute(INSERT_TOKEN, &values).await?)
}

/// Creates the users that are missing, and their tenants. An existing user keeps its password, role and status.
///
/// # Errors
/// [`MigrateError::User`] where the database rejects a tenant or a user.
pub async fn create_users(
    owner: &impl GenericClient,
    users: &[BootstrapUser],
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Created, MigrateError> {
    let rejected = |error: tokio_postgres::Error| MigrateError::User(holdfast_shared::db::cause(&error));
    let mut created = Created::default();
    for user in users {
        let now = clock.now();
        let tenant = match &user.tenant {
            None => TenantId::PLATFORM,
            Some(slug) => {
                created.tenants +=
                    owner.execute(INSERT_TENANT, &[&rng.uuid(now), slug, &now]).await.map_err(rejected)?;
                owner.query_one(TENANT_BY_SLUG, &[slug]).await?.try_get("id")?
            }
        };
        let id = rng.uuid(now);
        created.users += owner
            .execute(INSERT_USER, &[&id, &tenant, &user.username, &user.role.name(), &user.password_hash, &now])
            .await
            .map_err(rejected)?;
    }
    Ok(created)
}
