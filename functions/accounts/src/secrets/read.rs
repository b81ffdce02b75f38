//! `GET /accounts/{id}/secrets/{name}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::web::{ApiResponse, Id, Name, RequestContext};

use super::{Secret, rejection, transaction};

pub(crate) static ROUTE: Route = Route::get("/accounts/{id}/secrets/{name}", "secret.read")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("Read a secret's metadata, without its value.")
    .returns::<Secret>();

const SELECT: Sql = Sql::prepared(
    "SELECT s.name, s.version, s.created_at, s.updated_at, v.key_version, reject(CASE WHEN s.name IS NULL THEN 'not_found' END)
      FROM (VALUES (1)) AS request
      LEFT JOIN accounts a ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL
      LEFT JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.name = $2 AND s.deleted_at IS NULL
      LEFT JOIN secret_versions v ON v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = s.version",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
) -> Result<ApiResponse, Problem> {
    let select = SELECT.bind(&account).bind(&name);
    let secret: Secret = transaction(&request, &app, account, &name).one(select).await.map_err(rejection)?;
    Ok(ApiResponse::ok(&secret)?.version(secret.version))
}
