//! `/auth/browser/*`: the sessions of the console. The refresh token is in a cookie that no script can read and that browsers
//! send to this origin only; it is never in a response body (docs/decisions/0013-console-sessions.md).

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;

use holdfast_shared::problem::Problem;
use holdfast_shared::web::ApiResponse;
use http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sign_in::grant::Tokens;

/// `__Host-`: the browser accepts the cookie over TLS only, from this host only, for all of its paths, and no sibling domain
/// can set it.
const COOKIE: &str = "__Host-holdfast-session";

/// Tokens that a browser keeps in memory; the refresh token is in the cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct BrowserTokens {
    /// A JWT (RFC 9068) for the `Authorization` header.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// Seconds until the session expires, regardless of refreshes.
    refresh_expires_in: i64,
}

fn respond(tokens: Tokens) -> Result<ApiResponse, Problem> {
    let Tokens { access_token, token_type, expires_in, refresh_token, refresh_expires_in } = tokens;
    let cookie = cookie(&refresh_token, refresh_expires_in);
    ApiResponse::ok(&BrowserTokens { access_token, token_type, expires_in, refresh_expires_in })?.cookie(&cookie)
}

fn cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

/// Returns the refresh token in the cookie; empty where there is no such cookie, or more than one.
fn refresh_token(headers: &HeaderMap) -> &str {
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
        refresh_token(&headers).to_owned()
    }

    #[test]
    fn the_token_is_found_among_other_cookies_and_only_where_there_is_exactly_one() {
        assert_eq!(found(&["a=b; __Host-holdfast-session=hfr_x; c=d"]), "hfr_x");
        assert_eq!(found(&["a=b", "__Host-holdfast-session=hfr_x"]), "hfr_x");
        assert_eq!(found(&["__Host-holdfast-session=hfr_x; __Host-holdfast-session=hfr_y"]), "");
        assert_eq!(found(&["x__Host-holdfast-session=hfr_x", "holdfast-session=hfr_y"]), "");
        assert_eq!(found(&[]), "");
    }
}
