//! `POST /auth/browser/refresh`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use http::HeaderMap;

use super::{BrowserTokens, refresh_token, respond};
use crate::refresh;

pub(crate) static ROUTE: Route = Route::post("/auth/browser/refresh", "auth.browser_refresh")
    .access(Access::Anyone)
    .same_origin()
    .summary("Exchange the refresh token in the browser's cookie for new tokens.")
    .returns::<BrowserTokens>()
    .rejects(&[Code::Unauthenticated, Code::Internal, Code::Unavailable]);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<ApiResponse, Problem> {
    respond(refresh::exchange(&app, &request, refresh_token(&headers)).await?)
}
