//! `GET /accounts/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Id, RequestContext};

use super::{Account, columns, not_found};

pub(crate) static ROUTE: Route = Route::get("/accounts/{id}", "account.read")
    .access(Access::Holder(Permission::AccountsRead))
    .summary("Read an account.")
    .returns::<Account>();

const SELECT: Sql = Sql::prepared(concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN a.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN accounts a
         ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<ApiResponse, Problem> {
    let transaction = request.transaction(&app).target("account_id", id.0);
    let account: Account = transaction.one(SELECT.bind(&id)).await.map_err(not_found)?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}
