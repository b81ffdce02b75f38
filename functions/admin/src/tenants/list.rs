//! `GET /admin/tenants`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};

use super::{Tenant, columns};

pub(crate) static ROUTE: Route = Route::get("/admin/tenants", "tenant.list")
    .access(Access::Admin(Permission::TenantsRead))
    .audited(Audited::Always)
    .summary("List the tenants, oldest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Only tenants whose slug starts with this text."),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` tenants.",
        ),
    ])
    .returns::<List<Tenant>>();

/// Unprepared: the filters are optional.
const SELECT: Sql = Sql::unprepared(concat!(
    "SELECT ",
    columns!(),
    " FROM tenants t WHERE t.id <> current_tenant() AND ($1::uuid IS NULL OR t.id > $1)
        AND ($2::text IS NULL OR starts_with(t.slug, $2)) AND ($3::text IS NULL OR t.status = $3)
      ORDER BY t.id LIMIT $4"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let status = params.parse::<Status>("status", "must be active or suspended")?.map(Status::name);
    let (after, prefix, rows) = (page.position::<TenantId>(0)?, params.text("q"), page.rows());
    let select = SELECT.bind(&after).bind(&prefix).bind(&status).bind(&rows);
    let tenants: Vec<Tenant> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(tenants, |last| vec![last.id.to_string()]))
}
