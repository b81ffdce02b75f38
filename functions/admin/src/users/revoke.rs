//! `POST /admin/users/{id}/revoke`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext};

use super::LOCK;

pub(crate) static ROUTE: Route = Route::post("/admin/users/{id}/revoke", "user.revoke")
    .access(Access::Admin(Permission::UsersWrite))
    .in_tenant()
    .summary("Revoke all sessions of a user.")
    .returns_nothing();

const END_SESSIONS: Sql = Sql::prepared(
    "WITH target AS (
        SELECT id FROM users WHERE tenant_id = current_tenant() AND id = $1
    ), ended AS (
        UPDATE sessions SET ended_at = $2, end_reason = 'revoked' FROM target
         WHERE sessions.tenant_id = current_tenant() AND sessions.user_id = target.id AND sessions.ended_at IS NULL
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found' END)",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<NoContent, Problem> {
    let end_sessions = END_SESSIONS.bind(&id).bind(&request.now);
    request.transaction(&app).target("user_id", id.0).first(LOCK.bind(&id)).execute(vec![end_sessions]).await?;
    Ok(NoContent)
}
