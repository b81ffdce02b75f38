//! `POST /auth/browser/logout`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};

use super::cookie;
use crate::logout;

pub(crate) static ROUTE: Route = Route::post("/auth/browser/logout", "auth.browser_logout")
    .access(Access::User)
    .same_origin()
    .enrols()
    .summary("End the session, with all its tokens, and delete the browser's cookie.")
    .returns_nothing();

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    logout::end_session(&app, &request).await?;
    ApiResponse::nothing().cookie(&cookie("", 0))
}
