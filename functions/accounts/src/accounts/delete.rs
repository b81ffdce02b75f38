//! `DELETE /accounts/{id}`: a soft delete, which a restore undoes until the retention ends.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext};

use super::not_found;

pub(crate) static ROUTE: Route = Route::delete("/accounts/{id}", "account.delete")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Delete an account; it can be restored for RETENTION_DAYS.");

const SOFT_DELETE: Sql = Sql::prepared(
    "WITH target AS (
        SELECT id, version FROM accounts
         WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL FOR UPDATE
    ), deleted AS (
        UPDATE accounts SET deleted_at = $3, updated_at = $3, version = accounts.version + 1 FROM target
         WHERE accounts.id = target.id AND ($2::bigint[] IS NULL OR target.version = ANY ($2)) RETURNING accounts.id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM deleted) THEN coalesce(release_quota('accounts'), release_quota('secrets', count_secrets($1)))
                WHEN EXISTS (SELECT FROM target) THEN reject('precondition_failed') ELSE reject('not_found') END",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<NoContent, Problem> {
    let soft_delete = SOFT_DELETE.bind(&id).bind(&request.if_match.0).bind(&request.now);
    let transaction = request.transaction(&app).target("account_id", id.0);
    transaction.execute(vec![soft_delete]).await.map_err(not_found)?;
    Ok(NoContent)
}
