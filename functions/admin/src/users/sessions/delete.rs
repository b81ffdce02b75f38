//! `DELETE /admin/users/{id}/sessions/{sid}`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext, Sid};

use crate::users::LOCK;

pub(crate) static ROUTE: Route = Route::delete("/admin/users/{id}/sessions/{sid}", "user.end_session")
    .access(Access::Admin(Permission::UsersWrite))
    .unconditional()
    .in_tenant()
    .summary("End one session of a user.")
    .about("Session");

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
    Id(id): Id<UserId>,
    Sid(sid): Sid,
) -> Result<NoContent, Problem> {
    let end = END.bind(&sid).bind(&id).bind(&request.now);
    let transaction = request.transaction(&app).target("user_id", id.0).target("session_id", sid.0);
    transaction.first(LOCK.bind(&id)).execute(vec![end]).await?;
    Ok(NoContent)
}
