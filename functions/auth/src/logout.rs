//! `POST /auth/logout`. The session ends at once, with all its tokens.

use axum::extract::State;
use axum::response::NoContent;
use shared::app::App;
use shared::db::Statement;
use shared::http::Call;
use shared::problem::Problem;
use shared::route::{Access, Route};

pub(crate) static LOGOUT: Route = Route::post("/auth/logout", "auth.logout")
    .access(Access::User)
    .enrols()
    .summary("Ends the session everywhere.")
    .answers_nothing();

const END: &str = "UPDATE sessions SET ended_at = $2, end_reason = 'logout' WHERE id = $1 AND tenant_id = current_tenant() AND proceeding()";

pub(crate) async fn logout(State(app): State<App>, call: Call) -> Result<NoContent, Problem> {
    end(&app, &call).await?;
    Ok(NoContent)
}

/// Ends the caller's session.
pub(crate) async fn end(app: &App, call: &Call) -> Result<(), Problem> {
    let session = call.user()?.sid;
    let end = Statement::new(END).bind(&session).bind(&call.now);
    call.transaction(app).target("session_id", session.0).execute(vec![end]).await?;
    Ok(())
}
