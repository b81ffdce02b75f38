//! `POST /auth/logout`: the session ends immediately, with all its tokens.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::RequestContext;

pub(crate) static ROUTE: Route = Route::post("/auth/logout", "auth.logout")
    .access(Access::User)
    .enrols()
    .summary("End the session, with all its tokens.")
    .returns_nothing();

const END_SESSION: Sql = Sql::prepared(
    "UPDATE sessions SET ended_at = $2, end_reason = 'logout' WHERE id = $1 AND tenant_id = current_tenant()",
);

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<NoContent, Problem> {
    end_session(&app, &request).await?;
    Ok(NoContent)
}

/// Ends the caller's session.
pub(crate) async fn end_session(app: &App, request: &RequestContext) -> Result<(), Problem> {
    let session = request.user()?.sid;
    let end_session = END_SESSION.bind(&session).bind(&request.now);
    request.transaction(app).target("session_id", session.0).execute(vec![end_session]).await
}
