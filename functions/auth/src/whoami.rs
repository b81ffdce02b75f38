//! `GET /auth/whoami`: what the caller's credential stands for, as the database has it now.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use shared::app::App;
use shared::clock::Time;
use shared::db::Statement;
use shared::http::{Answer, Call, FromRow};
use shared::id::{SessionId, TenantId, UserId};
use shared::permission::{Permission, Role};
use shared::problem::Problem;
use shared::route::{Access, Route};
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static WHOAMI: Route = Route::get("/auth/whoami", "auth.whoami")
    .access(Access::Authenticated)
    .summary("Tells whose credential this is and what it may do.")
    .answers::<Whoami>();

/// What a credential stands for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Whoami {
    /// The user's id.
    subject: UserId,
    /// `user`: someone who signed in.
    kind: &'static str,
    /// The user's name.
    username: String,
    /// The user's role.
    role: Role,
    /// The user's tenant; null for an operator.
    tenant: Option<Tenant>,
    /// What the credential may do.
    permissions: Vec<Permission>,
    /// The session.
    session_id: SessionId,
    /// When the access token runs out.
    expires_at: Time,
}

/// A tenant, by all its names.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoamiTenant)]
pub(crate) struct Tenant {
    /// Its id, as in the `tenant` claim.
    id: TenantId,
    /// Its name at sign-in.
    slug: String,
    /// Its name for people.
    name: String,
}

const NAMES: &str = "SELECT u.username, t.slug, t.name FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1 AND u.tenant_id = current_tenant() AND proceeding()";

struct Names {
    username: String,
    slug: String,
    name: String,
}

impl FromRow for Names {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { username: row.try_get(0)?, slug: row.try_get(1)?, name: row.try_get(2)? })
    }
}

pub(crate) async fn whoami(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let claims = call.principal()?;
    let Names { username, slug, name } = call.transaction(&app).one(Statement::new(NAMES).bind(&claims.sub)).await?;
    let mut permissions = claims.role.permissions().to_vec();
    permissions.sort_unstable_by_key(|permission| permission.name());
    Answer::ok(&Whoami {
        subject: claims.sub,
        kind: "user",
        username,
        role: claims.role,
        tenant: claims.tenant.map(|id| Tenant { id, slug, name }),
        permissions,
        session_id: claims.sid,
        expires_at: Time(Timestamp::from_second(claims.exp).map_err(|_| Problem::internal())?),
    })
}
