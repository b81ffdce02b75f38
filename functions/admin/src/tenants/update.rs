//! `/admin/tenants/{id}`: one tenant. The platform itself is none.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Label;
use holdfast_shared::web::{ApiResponse, Id, Json, RequestContext};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::quotas::{NewQuotas, Quotas};

pub(crate) static READ: Route = Route::get("/admin/tenants/{id}", "tenant.read")
    .access(Access::Admin(Permission::TenantsRead))
    .audited(Audited::Always)
    .summary("Reads a tenant.")
    .returns::<Tenant>();

pub(crate) static CHANGE: Route = Route::patch("/admin/tenants/{id}", "tenant.update")
    .access(Access::Admin(Permission::TenantsWrite))
    .summary("Changes the fields that are given. Nobody of a suspended tenant gets in, from then on.")
    .body::<TenantChange>()
    .returns::<Tenant>();

/// What [`Tenant`] is read from, in the order of its fields.
macro_rules! columns {
    () => {
        "t.id, t.slug, t.name, t.status,
         coalesce((SELECT jsonb_object_agg(q.kind, q.most) FROM tenant_quotas q WHERE q.tenant_id = t.id), '{}'),
         t.version, t.created_at, t.updated_at"
    };
}
pub(crate) use columns;

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN t.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN tenants t ON t.id = $1 AND t.id <> current_tenant() AND request_allowed()"
);

const UPDATE: &str = "SELECT change_tenant($1, $2, $3, $4, $5, $6)";

/// A customer of the deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: TenantId,
    /// The name to sign in with.
    pub(crate) slug: String,
    /// The name for people.
    pub(crate) name: String,
    /// `active` or `suspended`.
    pub(crate) status: String,
    /// What it may hold.
    pub(crate) quotas: Quotas,
    /// Counts changes; its `ETag`.
    pub(crate) version: i64,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When it last changed.
    pub(crate) updated_at: Time,
}

impl FromRow for Tenant {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            slug: row.try_get(1)?,
            name: row.try_get(2)?,
            status: row.try_get(3)?,
            quotas: Quotas::from_json(&row.try_get(4)?),
            version: row.try_get(5)?,
            created_at: row.try_get(6)?,
            updated_at: row.try_get(7)?,
        })
    }
}

/// The fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    /// Its new name for people.
    name: Option<Label>,
    /// Whether its principals get in.
    status: Option<Status>,
    /// What it may hold from now on. What it holds beyond that stays.
    quotas: Option<NewQuotas>,
}

impl TenantChange {
    fn fields(&self) -> Vec<&'static str> {
        let given =
            [("name", self.name.is_some()), ("status", self.status.is_some()), ("quotas", self.quotas.is_some())];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn read(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TenantId>,
) -> Result<ApiResponse, Problem> {
    let select = Statement::new(SELECT).bind(&id);
    let tenant: Tenant = request.transaction(&app).target("tenant_id", id.0).one(select).await?;
    Ok(ApiResponse::ok(&tenant)?.version(tenant.version))
}

pub(crate) async fn change(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TenantId>,
    Json(change): Json<TenantChange>,
) -> Result<ApiResponse, Problem> {
    let fields = change.fields();
    if fields.is_empty() {
        return Err(Problem::field("body", "must name at least one field to change"));
    }
    let (name, status) = (change.name.as_ref().map(Label::as_str), change.status.map(Status::name));
    let quotas = change.quotas.map(NewQuotas::to_json);
    let update = Statement::new(UPDATE).bind(&id).bind(&request.if_match.0).bind(&name).bind(&status);
    let update = update.bind(&quotas).bind(&request.now);
    let transaction = request.transaction(&app).target("tenant_id", id.0).changes(fields);
    let tenant: Tenant = transaction.first(update).one(Statement::new(SELECT).bind(&id)).await?;
    Ok(ApiResponse::ok(&tenant)?.version(tenant.version))
}
