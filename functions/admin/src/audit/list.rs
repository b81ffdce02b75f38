//! `GET /admin/audit`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{Sql, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};
use jiff::Timestamp;
use uuid::Uuid;

use super::AuditEntry;
use super::filters::{self, Filters};

pub(crate) static ROUTE: Route = Route::get("/admin/audit", "audit.list")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("List the audit log, newest first.")
    .query(filters::with_filters!(LIMIT, CURSOR))
    .returns::<List<AuditEntry>>();

/// Unprepared: the filters are optional.
pub(crate) const SELECT: Sql = Sql::unprepared(concat!(
    "SELECT ",
    holdfast_shared::audit_columns!("l."),
    "
      FROM http_audit_log l
     WHERE l.tenant_id = current_tenant()
       AND ",
    filters::conditions!(),
    "
       AND ($10::timestamptz IS NULL OR (l.at, l.id) < ($10, $11::uuid))
     ORDER BY l.at DESC, l.id DESC LIMIT $12"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let filters = Filters::read(&params)?;
    let (at, id, rows) = (page.position::<Timestamp>(0)?, page.position::<Uuid>(1)?, page.rows());
    let select = filters.bind(Statement::from(SELECT)).bind(&at).bind(&id).bind(&rows);
    let entries: Vec<AuditEntry> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(entries, |last| vec![last.at.0.to_string(), last.id.to_string()]))
}
