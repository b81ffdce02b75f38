//! `/admin/tenants`: the customers of the deployment, and new ones with their first admin. Operators only.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Statement;
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::password::Owner;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, Slug, Username};
use holdfast_shared::web::{ApiResponse, CURSOR, Json, LIMIT, List, Page, Params, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::quotas::{NewQuotas, Quotas};
use super::update::{Tenant, columns};
use crate::passwords::FirstPassword;

pub(crate) static LIST: Route = Route::get("/admin/tenants", "tenant.list")
    .access(Access::Admin(Permission::TenantsRead))
    .audited(Audited::Always)
    .summary("Lists the tenants, the oldest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Only tenants whose slug begins so."),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` tenants.",
        ),
    ])
    .returns::<List<Tenant>>();

pub(crate) static CREATE: Route = Route::post("/admin/tenants", "tenant.create")
    .access(Access::Admin(Permission::TenantsWrite))
    .creates()
    .summary("Makes a tenant, with its first admin where one is named.")
    .body::<NewTenant>()
    .returns::<MadeTenant>()
    .rejects(&[Code::Conflict]);

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tenants t WHERE t.id <> current_tenant() AND request_allowed() AND ($1::uuid IS NULL OR t.id > $1)
        AND ($2::text IS NULL OR starts_with(t.slug, $2)) AND ($3::text IS NULL OR t.status = $3)
      ORDER BY t.id LIMIT $4"
);

const INSERT: &str = "SELECT create_tenant($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// What a new tenant is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTenant {
    /// The name to sign in with, for good.
    slug: Slug,
    /// The name for people.
    name: Label,
    /// Whether its principals get in; `active` unless told.
    status: Option<Status>,
    /// What it may hold.
    quotas: Option<NewQuotas>,
    /// Its first admin.
    admin: Option<NewAdmin>,
}

/// The first admin of a tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAdmin {
    /// The name to sign in with.
    username: Username,
    /// 12 to 256 characters, none of the common ones; one is made where this is left out.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

/// A tenant just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeTenant<'a> {
    /// The tenant.
    #[serde(flatten)]
    tenant: &'a Tenant,
    /// Its first admin, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<MadeAdmin<'a>>,
}

/// An admin just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeAdmin<'a> {
    /// The user's id.
    id: UserId,
    /// The name to sign in with.
    username: &'a str,
    /// The password, where none was given: shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

/// The first admin, ready to be stored.
struct Admin {
    id: UserId,
    username: Username,
    password: FirstPassword,
}

impl NewTenant {
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("slug", true),
            ("name", true),
            ("status", self.status.is_some()),
            ("quotas", self.quotas.is_some()),
            ("admin", self.admin.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }

    /// Takes the first admin out, with an id and a password.
    async fn take_admin(&mut self, app: &App, request: &RequestContext) -> Result<Option<Admin>, Problem> {
        let Some(NewAdmin { username, password }) = self.admin.take() else { return Ok(None) };
        if self.quotas.is_some_and(NewQuotas::allow_no_user) {
            return Err(Problem::field("quotas.users", "must leave room for the admin"));
        }
        let owner = Owner { username: username.as_str(), slug: self.slug.as_str(), tenant: self.name.as_str() };
        let password = FirstPassword::choose(app, "admin.password", password, owner).await?;
        Ok(Some(Admin { id: UserId(app.rng.uuid(request.now)), username, password }))
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let status = params.parse::<Status>("status", "must be active or suspended")?.map(Status::name);
    let (after, prefix, rows) = (page.position::<TenantId>(0)?, params.text("q"), page.rows());
    let select = Statement::new(SELECT).bind(&after).bind(&prefix).bind(&status).bind(&rows);
    let tenants: Vec<Tenant> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(tenants, |last| vec![last.id.to_string()]))
}

pub(crate) async fn create(
    State(app): State<App>,
    request: RequestContext,
    Json(mut new): Json<NewTenant>,
) -> Result<ApiResponse, Problem> {
    let fields = new.fields();
    let admin = new.take_admin(&app, &request).await?;
    let quotas = new.quotas.unwrap_or_default().to_json();
    let tenant = Tenant {
        id: TenantId(app.rng.uuid(request.now)),
        slug: new.slug.as_str().to_owned(),
        name: new.name.as_str().to_owned(),
        status: new.status.unwrap_or(Status::Active).name().to_owned(),
        quotas: Quotas::from_json(&quotas),
        version: 1,
        created_at: Time(request.now),
        updated_at: Time(request.now),
    };
    let shown = admin.as_ref().and_then(|admin| admin.password.shown());
    let made = MadeTenant {
        tenant: &tenant,
        admin: admin.as_ref().map(|admin| MadeAdmin {
            id: admin.id,
            username: admin.username.as_str(),
            password: shown,
        }),
    };
    let answer = ApiResponse::created(&format!("/admin/tenants/{}", tenant.id), &made)?.version(tenant.version);
    let answer = if shown.is_some() { answer.secret() } else { answer };

    let admin_id = admin.as_ref().map(|admin| admin.id);
    let username = admin.as_ref().map(|admin| admin.username.as_str());
    let password_hash = admin.as_ref().map(|admin| admin.password.hash.as_str());
    let insert = Statement::new(INSERT).bind(&tenant.id).bind(&tenant.slug).bind(&tenant.name).bind(&tenant.status);
    let insert = insert.bind(&quotas).bind(&request.now).bind(&admin_id).bind(&username).bind(&password_hash);
    let transaction = request.transaction(&app).target("tenant_id", tenant.id.0).changes(fields);
    let transaction = match admin_id {
        Some(id) => transaction.target("user_id", id.0),
        None => transaction,
    };
    transaction.answer(insert, answer).await
}
