//! `POST /auth/logout`. The session ends at once, with all its tokens.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Statement;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::RequestContext;

pub(crate) static LOGOUT: Route = Route::post("/auth/logout", "auth.logout")
    .access(Access::User)
    .enrols()
    .summary("Ends the session everywhere.")
    .returns_nothing();

const END: &str = "UPDATE sessions SET ended_at = $2, end_reason = 'logout' WHERE id = $1 AND tenant_id = current_tenant() AND request_allowed()";

pub(crate) async fn logout(State(app): State<App>, request: RequestContext) -> Result<NoContent, Problem> {
    end(&app, &request).await?;
    Ok(NoContent)
}

/// Ends the caller's session.
pub(crate) async fn end(app: &App, request: &RequestContext) -> Result<(), Problem> {
    let session = request.user()?.sid;
    let end = Statement::new(END).bind(&session).bind(&request.now);
    request.transaction(app).target("session_id", session.0).execute(vec![end]).await?;
    Ok(())
}
