//! `/admin/users`: the users of a tenant, or the operators of the platform. No user can demote, suspend or delete
//! themselves, and nobody can demote, suspend or delete the last administrator of a tenant or of the platform.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod mfa;
pub(crate) mod read;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod update;

use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::password::PasswordOwner;
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{ParameterKind, QueryParameter};
use holdfast_shared::web::{Params, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub(crate) struct User {
    /// Id of the user.
    id: UserId,
    /// Tenant of the user; null for an operator of the platform.
    #[row(with = "TenantId::public")]
    tenant_id: Option<TenantId>,
    /// Name to sign in with.
    username: String,
    /// `viewer`, `editor`, `admin` or `operator`.
    role: String,
    /// `active` or `suspended`.
    status: String,
    /// True if a sign-in requires a one-time code.
    mfa: bool,
    /// Number of the latest change; the `ETag`.
    version: i64,
    /// Time of creation.
    created_at: Time,
    /// Time of the latest change.
    updated_at: Time,
}

/// The columns of [`User`], of a row `u` of `users`.
macro_rules! columns {
    () => {
        "u.id, u.tenant_id, u.username, u.role, u.status,
         EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL) AS mfa,
         u.version, u.created_at, u.updated_at"
    };
}
use columns;

/// Locks the tenant and the user before every change: of two administrators who remove each other the second sees the
/// change of the first, and a concurrent sign-in has either opened its session or sees the changed user.
const LOCK: Sql = Sql::prepared(
    "SELECT FROM tenants t JOIN users u ON u.tenant_id = t.id
     WHERE t.id = current_tenant() AND u.id = $1 FOR NO KEY UPDATE",
);

/// Keeps the API tokens of a user who is deleted or suspended.
pub(crate) const KEEP_TOKENS: QueryParameter = QueryParameter::new(
    "keep_tokens",
    ParameterKind::OneOf(&["true", "false"]),
    "true keeps the API tokens that the user created; otherwise they are revoked with a deletion or suspension.",
);

/// Reads [`KEEP_TOKENS`]; default: false.
fn keeps_tokens(params: &Params) -> Result<bool, Problem> {
    Ok(params.parse("keep_tokens", "must be true or false")?.unwrap_or(false))
}

/// The names that a new password must not repeat. The user's is absent if there is no such user.
#[derive(FromRow)]
struct OwnerNames {
    username: Option<String>,
    slug: String,
    tenant: String,
}

impl OwnerNames {
    /// Reads the names of a user and of the tenant, in a round trip of its own: only where a password is given, whose hash
    /// takes longer.
    async fn read(app: &App, request: &RequestContext, user: Option<UserId>) -> Result<Self, Problem> {
        const SELECT: Sql = Sql::prepared(
            "SELECT u.username, t.slug, t.name AS tenant
              FROM tenants t LEFT JOIN users u ON u.tenant_id = t.id AND u.id = $1 WHERE t.id = current_tenant()",
        );
        request.transaction(app).look_up().one(SELECT.bind(&user)).await
    }

    /// The owner of the password, under the name that the user will have.
    fn owner<'a>(&'a self, new_username: Option<&'a str>) -> PasswordOwner<'a> {
        let username = new_username.or(self.username.as_deref()).unwrap_or_default();
        PasswordOwner { username, slug: &self.slug, tenant: &self.tenant }
    }
}

/// Checks that the role exists where the user does: operators belong to the platform, all other roles to a tenant.
fn check_role(request: &RequestContext, role: Role) -> Result<(), Problem> {
    match (role, acting_tenant(request)?.public()) {
        (Role::Operator, Some(_)) => Err(Problem::field("role", "must be viewer, editor or admin")),
        (Role::Viewer | Role::Editor | Role::Admin, None) => Err(Problem::field("role", "must be operator")),
        _ => Ok(()),
    }
}

/// The tenant that the request acts in.
fn acting_tenant(request: &RequestContext) -> Result<TenantId, Problem> {
    request.tenant().ok_or_else(Problem::unauthenticated)
}
