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

/// Quotas, of accounts and of secrets, are reserved only where the account becomes live again.
const RESTORE: Sql = Sql::prepared(concat!(
    "WITH target AS (
        SELECT * FROM accounts WHERE tenant_id = current_tenant() AND id = $1 AND request_allowed()
           AND (deleted_at IS NULL OR deleted_at > $2::timestamptz - make_interval(days => $3)) FOR UPDATE
    ), quota AS MATERIALIZED (
        SELECT CASE WHEN NOT EXISTS (
                        SELECT FROM accounts o WHERE o.tenant_id = current_tenant() AND o.name = target.name AND o.deleted_at IS NULL)
                    THEN CASE WHEN reserve_quota('accounts')
                              THEN reserve_quota('secrets', secrets_of($1)) OR release_quota('accounts') IS NOT NULL END END AS reserved
          FROM target WHERE deleted_at IS NOT NULL
    ), restored AS (
        UPDATE accounts SET deleted_at = NULL, updated_at = $2, version = accounts.version + 1 FROM target, quota
         WHERE accounts.id = target.id AND quota.reserved RETURNING accounts.*
    ), a AS (
        SELECT * FROM restored UNION ALL SELECT * FROM target WHERE deleted_at IS NULL
    )
    SELECT ",
    columns!(),
    ", reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found' WHEN a.id IS NULL THEN 'conflict' END)
      FROM (VALUES (1)) AS request LEFT JOIN a ON true"
));

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
