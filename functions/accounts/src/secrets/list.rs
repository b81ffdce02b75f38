//! `GET /accounts/{id}/secrets`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Page, Params, RequestContext};

use super::Secret;
use crate::accounts::not_found;

pub(crate) static ROUTE: Route = Route::get("/accounts/{id}/secrets", "secret.list")
    .about("Account")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("List an account's secrets by name, without their values.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<Secret>>();

/// Rejects the request where the account does not exist, so that an empty list means that it has no secrets.
const REQUIRE_ACCOUNT: Sql = Sql::prepared(
    "SELECT reject('not_found') WHERE NOT EXISTS (
    SELECT FROM accounts WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL)",
);

/// Unprepared: the cursor is optional.
pub(crate) const BY_NAME: Sql = Sql::unprepared(
    "SELECT s.name, s.version, s.created_at, s.updated_at, v.key_version
      FROM secrets s JOIN secret_versions v USING (tenant_id, account_id, name, version)
     WHERE s.tenant_id = current_tenant() AND s.account_id = $1 AND s.deleted_at IS NULL
       AND ($2::text IS NULL OR s.name > $2)
     ORDER BY s.name LIMIT $3",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    _: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (after, rows) = (page.position::<String>(0)?, page.rows());
    let transaction = request.transaction(&app).target("account_id", account.0).first(REQUIRE_ACCOUNT.bind(&account));
    let by_name = BY_NAME.bind(&account).bind(&after).bind(&rows);
    let secrets: Vec<Secret> = transaction.all(by_name).await.map_err(not_found)?;
    ApiResponse::ok(&page.list(secrets, |last| vec![last.name.clone()]))
}
