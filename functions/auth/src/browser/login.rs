//! `POST /auth/browser/login`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};

use super::{BrowserTokens, respond};
use crate::login::{self, LoginRequest};

pub(crate) static ROUTE: Route = Route::post("/auth/browser/login", "auth.browser_login")
    .access(Access::Anyone)
    .same_origin()
    .summary("Sign a browser in: as /auth/login, with the refresh token in a cookie.")
    .body::<LoginRequest>()
    .returns::<BrowserTokens>()
    .rejects(&[Code::InvalidCredentials, Code::MfaRequired, Code::RateLimited]);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<LoginRequest>,
) -> Result<ApiResponse, Problem> {
    respond(login::sign_in(&app, &request, body).await?)
}
