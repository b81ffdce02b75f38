//! `GET /admin/tenants/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, Id, RequestContext};

use super::{Tenant, columns};

pub(crate) static ROUTE: Route = Route::get("/admin/tenants/{id}", "tenant.read")
    .access(Access::Admin(Permission::TenantsRead))
    .audited(Audited::Always)
    .summary("Read a tenant.")
    .returns::<Tenant>();

pub(super) const SELECT: Sql = Sql::prepared(concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN t.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN tenants t ON t.id = $1 AND t.id <> current_tenant()"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TenantId>,
) -> Result<ApiResponse, Problem> {
    let tenant: Tenant = request.transaction(&app).target("tenant_id", id.0).one(SELECT.bind(&id)).await?;
    Ok(ApiResponse::ok(&tenant)?.version(tenant.version))
}
