//! The rows that a deployment starts with: the public signing key, and the first tenants and users. What exists stays
//! as it is.

use serde::Serialize;
use shared::clock::Clock;
use shared::config::BootstrapUser;
use shared::entropy::Entropy;
use shared::id::TenantId;
use tokio_postgres::{Client, GenericClient};

use crate::error::MigrateError;
use crate::plan::Plan;

/// What was missing, and made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Created {
    /// Tenants.
    pub tenants: u64,
    /// Users.
    pub users: u64,
    /// Public signing keys.
    pub signing_keys: u64,
}

const INSERT_SIGNING_KEY: &str =
    "INSERT INTO signing_keys (kid, x, y, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const INSERT_TENANT: &str = "INSERT INTO tenants (id, slug, name, created_at, updated_at) VALUES ($1, $2, $2, $3, $3) \
    ON CONFLICT (slug) DO NOTHING";
const TENANT_BY_SLUG: &str = "SELECT id FROM tenants WHERE slug = $1";
const INSERT_USER: &str = "INSERT INTO users (id, tenant_id, username, role, password_hash, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (tenant_id, lower(username)) DO NOTHING";

/// Makes what the plan names and the database lacks: all of it, or nothing.
pub(crate) async fn create(
    owner: &mut Client,
    plan: &Plan,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Created, MigrateError> {
    let transaction = owner.transaction().await?;
    let mut created = create_users(&transaction, &plan.users, clock, entropy).await?;
    if let Some(public) = &plan.signing_key {
        created.signing_keys = transaction
            .execute(INSERT_SIGNING_KEY, &[&public.thumbprint(), &public.x, &public.y, &clock.now()])
            .await?;
    }
    transaction.commit().await?;
    Ok(created)
}

/// Makes the users that are missing, and their tenants. An existing user keeps its password, role and status.
pub async fn create_users(
    owner: &impl GenericClient,
    users: &[BootstrapUser],
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Created, MigrateError> {
    let refused = |error: tokio_postgres::Error| MigrateError::User(shared::db::cause(&error));
    let mut created = Created::default();
    for user in users {
        let now = clock.now();
        let tenant = match &user.tenant {
            None => TenantId::PLATFORM,
            Some(slug) => {
                created.tenants +=
                    owner.execute(INSERT_TENANT, &[&entropy.uuid(now), slug, &now]).await.map_err(refused)?;
                owner.query_one(TENANT_BY_SLUG, &[slug]).await?.try_get(0)?
            }
        };
        let id = entropy.uuid(now);
        created.users += owner
            .execute(INSERT_USER, &[&id, &tenant, &user.username, &user.role.name(), &user.password_hash, &now])
            .await
            .map_err(refused)?;
    }
    Ok(created)
}
