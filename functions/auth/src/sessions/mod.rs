//! `/auth/sessions`: where the caller is signed in, and ending it there.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::SessionId;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Page, RequestContext};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static LIST: Route = Route::get("/auth/sessions", "session.list")
    .access(Access::User)
    .summary("Lists where one is signed in, the newest first.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<Session>>();

pub(crate) static END: Route = Route::delete("/auth/sessions/{id}", "session.end")
    .access(Access::User)
    .unconditional()
    .summary("Ends one of one's own sessions.");

/// Live sessions of the user, the newest first.
const SELECT: &str = "SELECT id, created_at, refreshed_at, expires_at, source_ip, user_agent FROM sessions
     WHERE tenant_id = current_tenant() AND user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND request_allowed()
       AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
     ORDER BY created_at DESC, id DESC LIMIT $5";

const FINISH: &str = "WITH ended AS (
        UPDATE sessions SET ended_at = $3, end_reason = 'revoked'
         WHERE id = $1 AND user_id = $2 AND tenant_id = current_tenant() AND ended_at IS NULL AND expires_at > $3 AND request_allowed()
        RETURNING id)
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM ended) THEN 'not_found' END)";

/// A sign-in that is live.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    /// When the password was given.
    created_at: Time,
    /// When it last got new tokens.
    refreshed_at: Time,
    /// When it ends for good.
    expires_at: Time,
    /// The address of the sign-in.
    source_ip: Option<String>,
    /// The browser or program of the sign-in, as it named itself.
    user_agent: Option<String>,
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            current: false,
            created_at: row.try_get(1)?,
            refreshed_at: row.try_get(2)?,
            expires_at: row.try_get(3)?,
            source_ip: row.try_get(4)?,
            user_agent: row.try_get(5)?,
        })
    }
}

pub(crate) async fn list(State(app): State<App>, request: RequestContext, page: Page) -> Result<ApiResponse, Problem> {
    let claims = request.user()?;
    let (at, id, rows) = (page.position::<Timestamp>(0)?, page.position::<SessionId>(1)?, page.rows());
    let select = Statement::new(SELECT).bind(&claims.sub).bind(&request.now).bind(&at).bind(&id).bind(&rows);
    let mut sessions: Vec<Session> = request.transaction(&app).all(select).await?;
    for session in &mut sessions {
        session.current = session.id == claims.sid;
    }
    ApiResponse::ok(&page.list(sessions, |last| vec![last.created_at.0.to_string(), last.id.to_string()]))
}

pub(crate) async fn end(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<SessionId>,
) -> Result<NoContent, Problem> {
    let user = request.user()?.sub;
    let finish = Statement::new(FINISH).bind(&id).bind(&user).bind(&request.now);
    request.transaction(&app).target("session_id", id.0).execute(vec![finish]).await?;
    Ok(NoContent)
}
