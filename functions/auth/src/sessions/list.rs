//! `GET /auth/sessions`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::SessionId;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, RequestContext};
use jiff::Timestamp;

use super::Session;

pub(crate) static ROUTE: Route = Route::get("/auth/sessions", "session.list")
    .access(Access::User)
    .summary("List the caller's live sessions, the newest first.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<Session>>();

/// Unprepared: the cursor is optional.
const NEWEST_FIRST: Sql = Sql::unprepared(
    "SELECT id, id = $3 AS current, created_at, refreshed_at, expires_at, source_ip, user_agent FROM sessions
     WHERE tenant_id = current_tenant() AND user_id = $1 AND ended_at IS NULL AND expires_at > $2
       AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
     ORDER BY created_at DESC, id DESC LIMIT $6",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let claims = request.user()?;
    let (at, id, rows) = (page.position::<Timestamp>(0)?, page.position::<SessionId>(1)?, page.rows());
    let newest_first =
        NEWEST_FIRST.bind(&claims.sub).bind(&request.now).bind(&claims.sid).bind(&at).bind(&id).bind(&rows);
    let sessions: Vec<Session> = request.transaction(&app).all(newest_first).await?;
    ApiResponse::ok(&page.list(sessions, |last| vec![last.created_at.0.to_string(), last.id.to_string()]))
}
