//! `GET /admin/audit/seals`: what an auditor of the tenant keeps. One line per seal, with the tenant's own batch and, on the
//! newest seal, the proof that it covers every row.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Page, Params, RequestContext};

use super::seal_page::{self, SealPage};

pub(crate) static ROUTE: Route = Route::get("/admin/audit/seals", "audit.seals")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary(
        "Export the audit seals, oldest first, each with the tenant's own batch. The Link header names the next page.",
    )
    .query(&[CURSOR])
    .returns_text("application/x-ndjson");

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let after = page.position::<i64>(0)?.unwrap_or(0);
    let rows = request.transaction(&app).each(seal_page::statements(&after)).await?;
    let mut seals = SealPage::read(&rows, app.audit_pins().await?)?;
    seals.add_tenant_state(request.tenant().unwrap_or(TenantId::PLATFORM));
    let mut text = String::new();
    for seal in &seals.seals {
        text.push_str(&serde_json::to_string(&seal.document).map_err(|_| Problem::internal())?);
        text.push('\n');
    }
    let response = ApiResponse::text("application/x-ndjson; charset=utf-8", text);
    match seals.more_after() {
        Some(last) => response.next(&params.link(&request.path, &page.cursor(&[last.to_string()])?)),
        None => Ok(response),
    }
}
