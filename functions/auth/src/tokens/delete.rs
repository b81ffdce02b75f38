//! `DELETE /auth/tokens/{id}`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TokenId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext};

pub(crate) static ROUTE: Route = Route::delete("/auth/tokens/{id}", "token.revoke")
    .access(Access::Admin(Permission::TokensWrite))
    .unconditional()
    .summary("Revoke an API token immediately.");

const REVOKE: Sql = Sql::prepared(
    "WITH revoked AS (
        UPDATE api_tokens SET revoked_at = $2
         WHERE id = $1 AND tenant_id = current_tenant() AND revoked_at IS NULL RETURNING id)
    SELECT CASE WHEN EXISTS (SELECT FROM revoked) THEN release_quota('api_tokens') ELSE reject('not_found') END",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TokenId>,
) -> Result<NoContent, Problem> {
    let revoke = REVOKE.bind(&id).bind(&request.now);
    let transaction = request.transaction(&app).target("token_id", id.0);
    transaction.execute(vec![revoke]).await.map_err(|problem| match problem.code() {
        Code::NotFound => Problem::new(Code::NotFound, "API token not found.").audited(),
        _ => problem,
    })?;
    Ok(NoContent)
}
