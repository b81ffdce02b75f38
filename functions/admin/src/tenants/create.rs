//! `POST /admin/tenants`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Sql;
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::password::PasswordOwner;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, Slug, Username};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tenant;
use super::quotas::{NewQuotas, Quotas};
use crate::passwords::FirstPassword;

pub(crate) static ROUTE: Route = Route::post("/admin/tenants", "tenant.create")
    .access(Access::Admin(Permission::TenantsWrite))
    .recent()
    .creates()
    .summary("Create a tenant, optionally with its first admin.")
    .body::<NewTenant>()
    .returns::<CreatedTenant>()
    .rejects(&[Code::Conflict]);

const INSERT: Sql = Sql::prepared(
    "SELECT create_tenant(
        p_id => $1,
        p_slug => $2,
        p_name => $3,
        p_status => $4,
        p_quotas => $5,
        p_now => $6,
        p_admin => $7,
        p_username => $8,
        p_username_key => $9,
        p_password_hash => $10
    )",
);

/// A tenant to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTenant {
    /// Name to sign in with; cannot be changed.
    slug: Slug,
    /// Display name.
    name: Label,
    /// `suspended` rejects the tenant's users and API tokens. Default `active`.
    status: Option<Status>,
    /// Limits of the tenant.
    quotas: Option<NewQuotas>,
    /// First admin of the tenant.
    admin: Option<NewAdmin>,
}

/// The first admin of a tenant to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAdmin {
    /// Name to sign in with.
    username: Username,
    /// 12 to 256 characters, not a common password. Generated if absent.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

/// A tenant that was just created.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedTenant<'a> {
    /// The tenant.
    #[serde(flatten)]
    tenant: &'a Tenant,
    /// First admin of the tenant, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<CreatedAdmin<'a>>,
}

/// An admin that was just created.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedAdmin<'a> {
    /// Id of the user.
    id: UserId,
    /// Name to sign in with.
    username: &'a str,
    /// The generated password, if none was given: shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

/// The first admin, ready to be stored.
struct FirstAdmin {
    id: UserId,
    username: Username,
    password: FirstPassword,
}

impl NewTenant {
    /// The names of the fields that are given, for the audit row.
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

    /// Takes the first admin out of the body, and adds an id and a password.
    async fn take_admin(&mut self, app: &App, request: &RequestContext) -> Result<Option<FirstAdmin>, Problem> {
        let Some(NewAdmin { username, password }) = self.admin.take() else { return Ok(None) };
        if self.quotas.is_some_and(NewQuotas::allow_no_user) {
            return Err(Problem::field("quotas.users", "must leave room for the admin"));
        }
        let owner = PasswordOwner { username: username.as_str(), slug: self.slug.as_str(), tenant: self.name.as_str() };
        let password = match password {
            Some(chosen) => FirstPassword::chosen(app, "admin.password", chosen, owner).await?,
            None => FirstPassword::generate(app).await?,
        };
        Ok(Some(FirstAdmin { id: UserId(app.rng.uuid(request.now)), username, password }))
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(mut body): Json<NewTenant>,
) -> Result<ApiResponse, Problem> {
    let fields = body.fields();
    let admin = body.take_admin(&app, &request).await?;
    let quotas = body.quotas.unwrap_or_default().to_json();
    let tenant = Tenant {
        id: TenantId(app.rng.uuid(request.now)),
        slug: body.slug.as_str().to_owned(),
        name: body.name.as_str().to_owned(),
        status: body.status.unwrap_or(Status::Active).name().to_owned(),
        quotas: Quotas::from_json(quotas.clone()),
        version: 1,
        created_at: Time(request.now),
        updated_at: Time(request.now),
    };
    let admin_id = admin.as_ref().map(|admin| admin.id);
    let username = admin.as_ref().map(|admin| admin.username.as_str());
    let username_key = admin.as_ref().map(|admin| admin.username.key());
    let password_hash = admin.as_ref().map(|admin| admin.password.hash.as_str());
    let shown = admin.as_ref().and_then(|admin| admin.password.shown());
    let created = CreatedTenant {
        tenant: &tenant,
        admin: admin_id.zip(username).map(|(id, username)| CreatedAdmin { id, username, password: shown }),
    };
    let response = ApiResponse::created(&format!("/admin/tenants/{}", tenant.id), &created)?.version(tenant.version);
    let response = if shown.is_some() { response.secret() } else { response };

    let insert = INSERT
        .bind(&tenant.id)
        .bind(&tenant.slug)
        .bind(&tenant.name)
        .bind(&tenant.status)
        .bind(&quotas)
        .bind(&request.now)
        .bind(&admin_id)
        .bind(&username)
        .bind(&username_key)
        .bind(&password_hash);
    let transaction = request.transaction(&app).target("tenant_id", tenant.id.0).changes(fields);
    let transaction = match admin_id {
        Some(id) => transaction.target("user_id", id.0),
        None => transaction,
    };
    transaction.respond(insert, response).await.map_err(|problem| {
        problem.explain(Code::Conflict, || format!("A tenant named {} already exists.", tenant.slug))
    })
}
