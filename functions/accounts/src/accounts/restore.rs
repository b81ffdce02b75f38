//! `POST /accounts/{id}/restore`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Id, RequestContext};

use super::{Account, columns, not_found};

pub(crate) static ROUTE: Route = Route::post("/accounts/{id}/restore", "account.restore")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Restore a deleted account with its secrets; a live account stays unchanged.")
    .returns::<Account>()
    .rejects(&[Code::Conflict]);

const RESTORE: Sql = Sql::prepared(concat!("SELECT ", columns!(), " FROM restore_account($1, $2, $3) a"));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<ApiResponse, Problem> {
    let days = i32::from(app.config.retention_days);
    let restore = RESTORE.bind(&id).bind(&request.now).bind(&days);
    let transaction = request.transaction(&app).target("account_id", id.0);
    let account: Account = transaction.one(restore).await.map_err(|problem| match problem.code() {
        // The name is the deleted account's, which only the database knows.
        Code::Conflict => Problem::new(Code::Conflict, "An account with the same name already exists.").audited(),
        _ => not_found(problem),
    })?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}
