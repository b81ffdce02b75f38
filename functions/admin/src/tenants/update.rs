//! `PATCH /admin/tenants/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Label;
use holdfast_shared::web::{ApiResponse, Changes, Id, Patch, RequestContext};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Tenant;
use super::quotas::NewQuotas;
use super::read::SELECT;

pub(crate) static ROUTE: Route = Route::patch("/admin/tenants/{id}", "tenant.update")
    .access(Access::Admin(Permission::TenantsWrite))
    .recent()
    .summary("Update a tenant. While it is suspended, requests of its users and API tokens are rejected.")
    .body::<TenantChange>()
    .returns::<Tenant>();

const UPDATE: Sql = Sql::prepared(
    "SELECT update_tenant(
        p_id => $1,
        p_versions => $2,
        p_name => $3,
        p_status => $4,
        p_quotas => $5,
        p_now => $6
    )",
);

/// Fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    /// New display name.
    name: Option<Label>,
    /// `suspended` rejects the tenant's users and API tokens.
    status: Option<Status>,
    /// New limits. What the tenant already has beyond them stays.
    quotas: Option<NewQuotas>,
}

impl Changes for TenantChange {
    fn changed(&self) -> Vec<&'static str> {
        let given =
            [("name", self.name.is_some()), ("status", self.status.is_some()), ("quotas", self.quotas.is_some())];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TenantId>,
    Patch(change): Patch<TenantChange>,
) -> Result<ApiResponse, Problem> {
    let (name, status) = (change.name.as_ref().map(Label::as_str), change.status.map(Status::name));
    let quotas = change.quotas.map(NewQuotas::to_json);
    let update = UPDATE.bind(&id).bind(&request.if_match.0).bind(&name).bind(&status).bind(&quotas).bind(&request.now);
    let tenant: Tenant = request
        .transaction(&app)
        .target("tenant_id", id.0)
        .changes(change.changed())
        .first(update)
        .one(SELECT.bind(&id))
        .await?;
    Ok(ApiResponse::ok(&tenant)?.version(tenant.version))
}
