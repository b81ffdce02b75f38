//! `/auth/browser/*`: the sessions of the console. The refresh token is in a cookie that no script can read and that goes to
//! this origin alone; it is never in an answer's body (docs/decisions/0013-the-console-and-its-session.md).

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::login::{self, LoginRequest};
use crate::sign_in::grant::Tokens;
use crate::{logout, refresh};

pub(crate) static LOGIN: Route = Route::post("/auth/browser/login", "auth.browser_login")
    .access(Access::Anyone)
    .same_origin()
    .summary("Signs a browser in: as /auth/login, with the refresh token in a cookie.")
    .body::<LoginRequest>()
    .returns::<BrowserTokens>()
    .rejects(&[Code::InvalidCredentials, Code::MfaRequired, Code::RateLimited]);

pub(crate) static REFRESH: Route = Route::post("/auth/browser/refresh", "auth.browser_refresh")
    .access(Access::Anyone)
    .same_origin()
    .summary("Exchanges the refresh token in the browser's cookie for new tokens.")
    .returns::<BrowserTokens>()
    .rejects(&[Code::Unauthenticated, Code::Internal, Code::Unavailable]);

pub(crate) static LOGOUT: Route = Route::post("/auth/browser/logout", "auth.browser_logout")
    .access(Access::User)
    .same_origin()
    .enrols()
    .summary("Ends the session everywhere, and takes the cookie away.")
    .returns_nothing();

/// `__Host-`: the browser takes it only over TLS, from this very host, for all of it, and no sibling domain can set it.
const COOKIE: &str = "__Host-holdfast-session";

/// What a browser keeps in memory; the refresh token is not in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BrowserTokens {
    /// A JWT (RFC 9068) for the `Authorization` header.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good for.
    expires_in: i64,
    /// Seconds until the session ends for good.
    refresh_expires_in: i64,
}

pub(crate) async fn login(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<LoginRequest>,
) -> Result<ApiResponse, Problem> {
    answer(login::sign_in(&app, &request, body).await?)
}

pub(crate) async fn refresh(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<ApiResponse, Problem> {
    answer(refresh::exchange(&app, &request, token(&headers)).await?)
}

pub(crate) async fn logout(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    logout::end(&app, &request).await?;
    ApiResponse::nothing().cookie(&cookie("", 0))
}

fn answer(tokens: Tokens) -> Result<ApiResponse, Problem> {
    let Tokens { access_token, token_type, expires_in, refresh_token, refresh_expires_in } = tokens;
    let cookie = cookie(&refresh_token, refresh_expires_in);
    ApiResponse::ok(&BrowserTokens { access_token, token_type, expires_in, refresh_expires_in })?.cookie(&cookie)
}

fn cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

/// The refresh token in the cookie; nothing where there is none, or more than one.
fn token(headers: &HeaderMap) -> &str {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, http::HeaderValue::from_static(line));
        }
        token(&headers).to_owned()
    }

    #[test]
    fn the_token_is_found_among_other_cookies_and_only_where_it_is_one() {
        assert_eq!(found(&["a=b; __Host-holdfast-session=hfr_x; c=d"]), "hfr_x");
        assert_eq!(found(&["a=b", "__Host-holdfast-session=hfr_x"]), "hfr_x");
        assert_eq!(found(&["__Host-holdfast-session=hfr_x; __Host-holdfast-session=hfr_y"]), "");
        assert_eq!(found(&["x__Host-holdfast-session=hfr_x", "holdfast-session=hfr_y"]), "");
        assert_eq!(found(&[]), "");
    }
}
