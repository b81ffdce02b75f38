//! `GET /admin/users/{id}/sessions`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::{SessionId, UserId};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Page, RequestContext};
use jiff::Timestamp;

use super::UserSession;

/// `users:write`, since the list is for those who end sessions; and always audited, since it shows addresses.
pub(crate) static ROUTE: Route = Route::get("/admin/users/{id}/sessions", "user.list_sessions")
    .access(Access::Admin(Permission::UsersWrite))
    .audited(Audited::Always)
    .in_tenant()
    .summary("List the live sessions of a user, the newest first.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<UserSession>>();

const REQUIRE_USER: Sql = Sql::prepared(
    "SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM users WHERE tenant_id = current_tenant() AND id = $1)
                        THEN 'not_found' END)",
);

/// Unprepared: the cursor is optional.
const NEWEST_FIRST: Sql = Sql::unprepared(
    "SELECT id, created_at, refreshed_at, authenticated_at, expires_at, source_ip, user_agent FROM sessions
     WHERE tenant_id = current_tenant() AND user_id = $1 AND ended_at IS NULL AND expires_at > $2
       AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
     ORDER BY created_at DESC, id DESC LIMIT $5",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (at, after, rows) = (page.position::<Timestamp>(0)?, page.position::<SessionId>(1)?, page.rows());
    let newest_first = NEWEST_FIRST.bind(&id).bind(&request.now).bind(&at).bind(&after).bind(&rows);
    let transaction = request.transaction(&app).target("user_id", id.0).first(REQUIRE_USER.bind(&id));
    let sessions: Vec<UserSession> = transaction.all(newest_first).await?;
    ApiResponse::ok(&page.list(sessions, |last| vec![last.created_at.0.to_string(), last.id.to_string()]))
}
