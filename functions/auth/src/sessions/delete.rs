//! `DELETE /auth/sessions/{id}`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::SessionId;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext};

pub(crate) static ROUTE: Route = Route::delete("/auth/sessions/{id}", "session.end")
    .access(Access::User)
    .unconditional()
    .summary("End one of the caller's sessions.");

const END: Sql = Sql::prepared(
    "WITH ended AS (
        UPDATE sessions SET ended_at = $3, end_reason = 'revoked'
         WHERE id = $1 AND user_id = $2 AND tenant_id = current_tenant() AND ended_at IS NULL AND expires_at > $3
        RETURNING id)
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM ended) THEN 'not_found' END)",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<SessionId>,
) -> Result<NoContent, Problem> {
    let user = request.user()?.sub;
    let end = END.bind(&id).bind(&user).bind(&request.now);
    let transaction = request.transaction(&app).target("session_id", id.0);
    transaction.execute(vec![end]).await.map_err(|problem| match problem.code() {
        Code::NotFound => Problem::new(Code::NotFound, "Session not found.").audited(),
        _ => problem,
    })?;
    Ok(NoContent)
}
