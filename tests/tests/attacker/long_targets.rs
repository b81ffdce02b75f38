//! Request targets that are too long to store, or that no URI contains. The routes come from the route table.

use holdfast_shared::permission::Role;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets::unique;
use http::Method;

/// Maximum length of a request target in bytes: docs/openapi.json names the rejection, `uri_too_long`.
const MAX_TARGET: usize = 2048;

/// Letters and digits that cannot be compressed.
fn noise(length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += &unique().replace('-', "");
    }
    text.truncate(length);
    text
}

/// A target of a route, of exactly this length: its first parameter, or else its query, fills it.
fn target(route: &Route, length: usize) -> String {
    let fill = |start: &str, end: &str| format!("{start}{}{end}", noise(length - start.len() - end.len()));
    match route.path.split_once('{') {
        Some((start, rest)) => {
            let end = rest.split_once('}').unwrap().1;
            fill(start, &end.replace(['{', '}'], ""))
        }
        None => fill(&format!("{}?filler=", route.path), ""),
    }
}

async fn rows(app: &TestApp) -> i64 {
    app.database.count("SELECT count(*) FROM http_audit_log").await
}

#[tokio::test]
async fn no_route_takes_a_target_over_the_limit_or_stores_anything_for_it() {
    let app = TestApp::start().await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let signed_in = app.sign_in_for(route).await;
        let before = rows(&app).await;
        for client in [app.anonymous(), signed_in] {
            for length in [MAX_TARGET + 1, 3000, 10_240] {
                let response = client.send(route.method.clone(), &target(route, length), None).await;
                assert_eq!(response.outcome(), "414 uri_too_long", "{} {} {length}", route.method, route.path);
                assert_eq!(response.header("x-content-type-options"), "nosniff");
            }
        }
        assert_eq!(rows(&app).await, before, "{} {}", route.method, route.path);
    }
    let nowhere = format!("/nowhere/{}", noise(3000));
    assert_eq!(app.anonymous().get(&nowhere).await.outcome(), "414 uri_too_long");
}

#[tokio::test]
async fn the_longest_target_is_answered_and_recorded() {
    let app = TestApp::start().await;
    let mut recorded = 0;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        if !route.path.contains('{') {
            continue;
        }
        let target = target(route, MAX_TARGET);
        let client = app.sign_in_for(route).await;
        let before = rows(&app).await;
        let response = client.send(route.method.clone(), &target, None).await;
        assert!(response.status.is_client_error() || route.access == Access::Anyone, "{response:?}");
        let row = format!("SELECT count(*) FROM http_audit_log WHERE path = '{target}'");
        if route.access != Access::Anyone && route.audited != Audited::Never {
            assert_eq!(rows(&app).await, before + 1, "{} {}: {response:?}", route.method, route.path);
            assert_eq!(app.database.count(&row).await, 1);
            recorded += 1;
        }
        // Without a principal the path is not stored at all.
        let anonymous = app.anonymous().send(route.method.clone(), &target, None).await;
        assert!(anonymous.status.is_client_error() || route.access == Access::Anyone, "{anonymous:?}");
        let counted = format!("SELECT count(*) FROM rejection_counts c WHERE c::text LIKE '%{}%'", &target[40..]);
        assert_eq!(app.database.count(&counted).await, 0);
    }
    assert!(recorded > 15, "{recorded} requests were recorded");
}

#[tokio::test]
async fn a_path_is_recorded_as_a_uri_whatever_the_caller_sends() {
    let (app, viewer) = TestApp::start_as(Tenant::Acme, Role::Viewer).await;
    for (sent, stored) in [
        ("/accounts/\u{202e}abc", "/accounts/%E2%80%AEabc"),
        ("/accounts/\u{430}dmin", "/accounts/%D0%B0dmin"),
        ("/accounts/%E2%80%AEabc", "/accounts/%E2%80%AEabc"),
    ] {
        let response = viewer.send(Method::GET, sent, None).await;
        assert!(response.status.is_client_error(), "{response:?}");
        let request = response.header("x-request-id");
        let row = format!("SELECT count(*) FROM http_audit_log WHERE request_id = '{request}' AND path = '{stored}'");
        assert_eq!(app.database.count(&row).await, 1, "{sent}");
    }
    // As many characters as a target may have bytes: each is stored as six.
    let many = format!("/accounts/{}", "\u{430}".repeat(1000));
    assert_eq!(app.anonymous().get(&many).await.outcome(), "414 uri_too_long");
}
