//! `GET /auth/whoami`: what the caller's credential stands for, as the database has it now.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{SessionId, TenantId};
use holdfast_shared::identity::principal::Principal;
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) static WHOAMI: Route = Route::get("/auth/whoami", "auth.whoami")
    .access(Access::Authenticated)
    .enrols()
    .summary("Tells whose credential this is and what it may do.")
    .returns::<Whoami>();

/// What a credential stands for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Whoami {
    /// The user's id, or the token's.
    subject: Uuid,
    /// `user`, someone who signed in, or `api_token`.
    kind: &'static str,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The user's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// The tenant; null for the platform.
    tenant: Option<Tenant>,
    /// What the credential may do.
    permissions: Vec<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    /// When the access token runs out, or the API token; null for one that does not.
    expires_at: Option<Time>,
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

const USER: &str = "SELECT t.id, t.slug, t.name, u.id, u.username
      FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1 AND u.tenant_id = current_tenant() AND request_allowed()";
const TOKEN: &str = "SELECT t.id, t.slug, t.name, a.id, NULL, a.scopes, a.expires_at
      FROM api_tokens a JOIN tenants t ON t.id = a.tenant_id WHERE a.hash = $1 AND a.tenant_id = current_tenant() AND request_allowed()";

struct Subject {
    tenant: Option<Tenant>,
    id: Uuid,
    username: Option<String>,
    scopes: Vec<String>,
    expires_at: Option<Time>,
}

impl FromRow for Subject {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let tenant: TenantId = row.try_get(0)?;
        let (slug, name) = (row.try_get(1)?, row.try_get(2)?);
        let is_token = row.len() > 5;
        Ok(Self {
            tenant: tenant.public().map(|id| Tenant { id, slug, name }),
            id: row.try_get(3)?,
            username: row.try_get(4)?,
            scopes: if is_token { row.try_get(5)? } else { Vec::new() },
            expires_at: if is_token { row.try_get(6)? } else { None },
        })
    }
}

pub(crate) async fn whoami(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let transaction = request.transaction(&app);
    let mut whoami = match request.principal()? {
        Principal::User(claims) => {
            let found: Subject = transaction.one(Statement::prepared(USER).bind(&claims.sub)).await?;
            let permissions = claims.role.permissions().iter().map(|permission| permission.name().to_owned());
            Whoami {
                subject: found.id,
                kind: "user",
                username: found.username,
                role: Some(claims.role),
                tenant: found.tenant,
                permissions: permissions.collect(),
                session_id: Some(claims.sid),
                expires_at: Timestamp::from_second(claims.exp).ok().map(Time),
            }
        }
        Principal::ApiToken(token) => {
            let found: Subject = transaction.one(Statement::prepared(TOKEN).bind(&token.hash)).await?;
            Whoami {
                subject: found.id,
                kind: "api_token",
                username: None,
                role: None,
                tenant: found.tenant,
                permissions: found.scopes,
                session_id: None,
                expires_at: found.expires_at,
            }
        }
    };
    whoami.permissions.sort_unstable();
    ApiResponse::ok(&whoami)
}
