//! `GET /auth/whoami`: the subject and the permissions of the caller's credential, as the database has them now.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::id::{SessionId, TenantId};
use holdfast_shared::identity::principal::Principal;
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) static ROUTE: Route = Route::get("/auth/whoami", "auth.whoami")
    .access(Access::Authenticated)
    .enrols()
    .summary("Describe the caller's credential: subject, tenant and permissions.")
    .returns::<Whoami>();

/// The caller's credential.
#[derive(Serialize, ToSchema)]
pub(crate) struct Whoami {
    /// Id of the user or of the API token.
    subject: Uuid,
    /// `user` for a signed-in user, or `api_token`.
    kind: &'static str,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Role of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Tenant of the credential; null for the platform.
    tenant: Option<WhoamiTenant>,
    /// Permissions of the credential.
    permissions: Vec<String>,
    /// Session of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    /// Expiry of the access token or the API token.
    expires_at: Option<Time>,
}

/// Id and names of a tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoamiTenant {
    /// Tenant id, as in the `tenant` claim.
    id: TenantId,
    /// Name at sign-in.
    slug: String,
    /// Display name.
    name: String,
}

const USER: Sql = Sql::prepared(
    "SELECT t.id AS tenant_id, t.slug AS tenant_slug, t.name AS tenant_name, u.id, u.username,
        '{}'::text[] AS scopes, NULL::timestamptz AS expires_at
      FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1 AND u.tenant_id = current_tenant()",
);

const API_TOKEN: Sql = Sql::prepared(
    "SELECT t.id AS tenant_id, t.slug AS tenant_slug, t.name AS tenant_name, a.id, NULL::text AS username,
        a.scopes, a.expires_at
      FROM api_tokens a JOIN tenants t ON t.id = a.tenant_id WHERE a.hash = $1 AND a.tenant_id = current_tenant()",
);

/// The result of [`USER`] and [`API_TOKEN`].
#[derive(FromRow)]
struct Subject {
    tenant_id: TenantId,
    tenant_slug: String,
    tenant_name: String,
    id: Uuid,
    username: Option<String>,
    scopes: Vec<String>,
    expires_at: Option<Time>,
}

impl Subject {
    fn into_whoami(self, kind: &'static str) -> Whoami {
        let (slug, name) = (self.tenant_slug, self.tenant_name);
        Whoami {
            subject: self.id,
            kind,
            username: self.username,
            role: None,
            tenant: self.tenant_id.public().map(|id| WhoamiTenant { id, slug, name }),
            permissions: self.scopes,
            session_id: None,
            expires_at: self.expires_at,
        }
    }
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let transaction = request.transaction(&app);
    let mut whoami = match request.principal()? {
        Principal::User(claims) => {
            let subject: Subject = transaction.one(USER.bind(&claims.sub)).await?;
            let permissions = claims.role.permissions().iter().map(|permission| permission.name().to_owned());
            Whoami {
                role: Some(claims.role),
                permissions: permissions.collect(),
                session_id: Some(claims.sid),
                expires_at: Timestamp::from_second(claims.exp).ok().map(Time),
                ..subject.into_whoami("user")
            }
        }
        Principal::ApiToken(token) => {
            let subject: Subject = transaction.one(API_TOKEN.bind(&token.hash)).await?;
            subject.into_whoami("api_token")
        }
    };
    whoami.permissions.sort_unstable();
    ApiResponse::ok(&whoami)
}
