//! `GET /admin/audit`: who did or tried what, the newest first. Below it, the whole log to take away, and the proof that
//! nothing of it was changed.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{SessionId, TenantId};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::filters::{self, Filters};

pub(crate) static LIST: Route = Route::get("/admin/audit", "audit.list")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Lists the audit log, the newest first.")
    .query(&[
        LIMIT,
        CURSOR,
        filters::FROM,
        filters::TO,
        filters::ACTOR,
        filters::ACTION,
        filters::STATUS,
        filters::PATH,
        filters::REQUEST_ID,
        filters::ACCOUNT_ID,
    ])
    .returns::<List<Entry>>();

pub(crate) const SELECT: &str = concat!(
    "SELECT l.id, l.at, l.request_id, l.tenant_id, l.actor_kind, l.actor_id, l.actor_name, l.role, l.session_id,
        l.action, l.method, l.path, l.status, l.source_ip, l.user_agent, l.targets, l.changed
      FROM http_audit_log l
     WHERE l.tenant_id = current_tenant() AND request_allowed()
       AND ",
    filters::conditions!(),
    "
       AND ($9::timestamptz IS NULL OR (l.at, l.id) < ($9, $10::uuid))
     ORDER BY l.at DESC, l.id DESC LIMIT $11"
);

/// A row of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct Entry {
    /// Its id.
    id: Uuid,
    /// When the request was handled.
    at: Time,
    /// `X-Request-Id` of the answer.
    request_id: String,
    /// The tenant concerned; null for the platform.
    tenant_id: Option<TenantId>,
    /// Who acted.
    actor: Actor,
    /// The actor's role at that time.
    role: Option<String>,
    /// The session that was used.
    session_id: Option<SessionId>,
    /// What was done or tried.
    action: String,
    /// HTTP method.
    method: String,
    /// The path, without its query.
    path: String,
    /// HTTP status of the answer.
    status: i16,
    /// The caller's address as the gateway saw it.
    source_ip: Option<String>,
    /// What the caller called itself.
    user_agent: Option<String>,
    /// Ids of what was acted on, and of a secret its name and version.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    targets: serde_json::Value,
    /// Names of the fields that were set; never their values.
    changed: Vec<String>,
}

/// Who acted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Actor {
    /// `user`, `api_token` or `anonymous`.
    kind: String,
    /// The user or token; null where nobody was recognised.
    id: Option<Uuid>,
    /// Its name at that time.
    name: Option<String>,
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let tenant: TenantId = row.try_get(3)?;
        Ok(Self {
            id: row.try_get(0)?,
            at: row.try_get(1)?,
            request_id: row.try_get(2)?,
            tenant_id: tenant.public(),
            actor: Actor { kind: row.try_get(4)?, id: row.try_get(5)?, name: row.try_get(6)? },
            role: row.try_get(7)?,
            session_id: row.try_get(8)?,
            action: row.try_get(9)?,
            method: row.try_get(10)?,
            path: row.try_get(11)?,
            status: row.try_get(12)?,
            source_ip: row.try_get(13)?,
            user_agent: row.try_get(14)?,
            targets: row.try_get(15)?,
            changed: row.try_get(16)?,
        })
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let filters = Filters::read(&params)?;
    let (at, id, rows) = (page.position::<Timestamp>(0)?, page.position::<Uuid>(1)?, page.rows());
    let statement = filters.bind(Statement::new(SELECT)).bind(&at).bind(&id).bind(&rows);
    let entries: Vec<Entry> = request.transaction(&app).all(statement).await?;
    ApiResponse::ok(&page.list(entries, |last| vec![last.at.0.to_string(), last.id.to_string()]))
}
