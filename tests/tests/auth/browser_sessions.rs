//! Sessions in a browser's cookie: scripts cannot read the refresh token, and other sites cannot use it.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::secrets;
use insta::assert_json_snapshot;
use serde_json::json;

/// The header of a request from a page of the same origin.
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn sign_in(app: &TestApp) -> (Client, Response) {
    let browser = app.anonymous().with_header(OWN.0, OWN.1);
    let response = browser.post("/auth/browser/login", &app.credentials(Tenant::Acme, Role::Editor)).await;
    assert_eq!(response.status, 200, "{response:?}");
    (browser, response)
}

/// Returns the refresh token in the cookie of a response.
fn token(response: &Response) -> String {
    let cookie = response.header("set-cookie");
    let token = cookie.strip_prefix("__Host-holdfast-session=").unwrap().split(';').next().unwrap().to_owned();
    secrets::keep(&token);
    token
}

fn with_cookie(client: &Client, token: &str) -> Client {
    client.clone().with_header("cookie", &format!("theme=dark; __Host-holdfast-session={token}"))
}

#[tokio::test]
async fn the_refresh_token_is_only_in_a_cookie_that_scripts_cannot_read() {
    let app = TestApp::start().await;
    let (_, response) = sign_in(&app).await;
    assert_json_snapshot!(response.body, {".access_token" => "[jwt]"}, @r#"
    {
      "access_token": "[jwt]",
      "expires_in": 900,
      "refresh_expires_in": 604800,
      "token_type": "Bearer"
    }
    "#);
    let token = token(&response);
    assert!(token.starts_with("hfr_") && !response.text.contains(&token));
    let attributes = "; Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(response.header("set-cookie"), format!("__Host-holdfast-session={token}{attributes}"));
    assert_eq!(app.anonymous().with_tokens(&response.body).get("/auth/whoami").await.text_at("username"), "editor");
}

#[tokio::test]
async fn a_cookie_is_exchanged_once_and_its_reuse_ends_the_session() {
    let app = TestApp::start().await;
    let (browser, response) = sign_in(&app).await;
    let first = token(&response);
    let second = with_cookie(&browser, &first).post_empty("/auth/browser/refresh").await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(token(&second), first);
    app.clock.advance(11);
    for used in [first, token(&second)] {
        assert_eq!(
            with_cookie(&browser, &used).post_empty("/auth/browser/refresh").await.outcome(),
            "401 unauthenticated"
        );
    }
}

#[tokio::test]
async fn the_cookie_grants_nothing_but_its_exchange() {
    let app = TestApp::start().await;
    let (browser, response) = sign_in(&app).await;
    let browser = with_cookie(&browser, &token(&response));
    for path in ["/auth/whoami", "/accounts", "/auth/sessions"] {
        assert_eq!(browser.get(path).await.outcome(), "401 unauthenticated", "{path}");
    }
    assert_eq!(browser.post_empty("/auth/logout").await.outcome(), "401 unauthenticated");
    assert_eq!(browser.post_empty("/auth/browser/logout").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn cross_site_requests_are_rejected_and_audited() {
    let app = TestApp::start().await;
    let (_, response) = sign_in(&app).await;
    let victim = with_cookie(&app.anonymous().with_tokens(&response.body), &token(&response));
    let login = app.credentials(Tenant::Acme, Role::Viewer);
    let mut rejected = 0;
    for site in [Some("cross-site"), Some("same-site"), Some("none"), Some("SAME-ORIGIN"), Some(""), None] {
        let sender = site.map_or(victim.clone(), |site| victim.clone().with_header(OWN.0, site));
        for response in [
            sender.post_empty("/auth/browser/refresh").await,
            sender.post_empty("/auth/browser/logout").await,
            sender.post("/auth/browser/login", &login).await,
        ] {
            assert_eq!(response.outcome(), "403 forbidden", "{site:?}");
            assert_eq!(response.header("set-cookie"), "");
            rejected += 1;
        }
    }
    let twice = victim.clone().with_header(OWN.0, OWN.1).with_header(OWN.0, "cross-site");
    assert_eq!(twice.post_empty("/auth/browser/refresh").await.outcome(), "403 forbidden");
    // The caller who signs out is known; the others are counted.
    let recorded = "SELECT count(*) FROM http_audit_log WHERE action = 'auth.browser_logout' AND status = 403";
    let counted =
        "SELECT sum(rejections)::bigint FROM rejection_counts WHERE action LIKE 'auth.browser_%' AND status = 403";
    assert_eq!(app.database.count(recorded).await, rejected / 3);
    assert_eq!(app.database.count(counted).await, rejected / 3 * 2 + 1);
    // No rejected request changed anything: the session is still valid.
    let own = victim.with_header(OWN.0, OWN.1);
    assert_eq!(own.post_empty("/auth/browser/refresh").await.status, 200);
}

#[tokio::test]
async fn signing_out_removes_the_cookie_and_ends_the_session_everywhere() {
    let app = TestApp::start().await;
    let (browser, response) = sign_in(&app).await;
    let signed_in = browser.clone().with_tokens(&response.body);
    let out = signed_in.post_empty("/auth/browser/logout").await;
    assert_eq!((out.status.as_u16(), out.text.as_str(), out.header("content-type")), (204, "", ""));
    let gone = "__Host-holdfast-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(out.header("set-cookie"), gone);
    assert_eq!(signed_in.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let held = with_cookie(&browser, &token(&response));
    assert_eq!(held.post_empty("/auth/browser/refresh").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn wrong_passwords_count_towards_the_same_throttle_as_other_logins() {
    let app = TestApp::start().await;
    let browser = app.anonymous().with_header(OWN.0, OWN.1);
    let mut wrong = app.credentials(Tenant::Acme, Role::Editor);
    wrong["password"] = json!("not the password");
    let mut outcomes = Vec::new();
    for round in 0..7 {
        let path = if round % 2 == 0 { "/auth/login" } else { "/auth/browser/login" };
        outcomes.push(browser.post(path, &wrong).await.outcome());
    }
    assert_eq!(outcomes, [vec!["401 invalid_credentials"; 5], vec!["429 rate_limited"; 2]].concat());
}
