//! Signing in, refreshing, signing out, and the end of sessions.

use std::time::Duration;

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

#[tokio::test]
async fn a_login_returns_working_tokens() {
    let app = TestApp::start().await;
    let response = app.send(Method::POST, "/auth/login", Some(app.credentials(Tenant::Acme, Role::Editor))).await;
    assert_eq!(response.status, 200);
    assert_json_snapshot!(response.body, {".access_token" => "[jwt]", ".refresh_token" => "[opaque]"}, @r#"
    {
      "access_token": "[jwt]",
      "expires_in": 900,
      "refresh_expires_in": 604800,
      "refresh_token": "[opaque]",
      "token_type": "Bearer"
    }
    "#);

    let whoami = app.anonymous().with_tokens(&response.body).get("/auth/whoami").await;
    assert_json_snapshot!(whoami.body, {".subject" => "[id]", ".session_id" => "[id]", ".tenant.id" => "[id]", ".expires_at" => "[time]"}, @r#"
    {
      "expires_at": "[time]",
      "kind": "user",
      "permissions": [
        "accounts:read",
        "accounts:write",
        "secrets:read",
        "secrets:reveal",
        "secrets:write"
      ],
      "role": "editor",
      "session_id": "[id]",
      "subject": "[id]",
      "tenant": {
        "id": "[id]",
        "name": "acme",
        "slug": "acme"
      },
      "username": "editor"
    }
    "#);
}

#[tokio::test]
async fn a_wrong_tenant_user_or_password_get_the_same_response() {
    let app = TestApp::start().await;
    let right = app.credentials(Tenant::Acme, Role::Editor);
    let mut bodies = Vec::new();
    for (field, value) in [
        ("tenant", "nowhere"),
        ("tenant", "platform"),
        ("tenant", "globe"),
        ("username", "nobody"),
        ("password", "wrong password"),
    ] {
        let mut request = right.clone();
        request[field] = value.into();
        let response = app.send(Method::POST, "/auth/login", Some(request)).await;
        assert_eq!(response.outcome(), "401 invalid_credentials", "{field}");
        assert_eq!(response.header("www-authenticate"), "Bearer");
        bodies.push(response.text.replace(response.text_at("request_id"), ""));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn only_operators_sign_in_without_a_tenant() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(operator.get("/auth/whoami").await.body["tenant"].is_null());
    let mut request = app.credentials(Tenant::Acme, Role::Admin);
    request.as_object_mut().unwrap().remove("tenant");
    assert_eq!(app.send(Method::POST, "/auth/login", Some(request)).await.outcome(), "401 invalid_credentials");
}

#[tokio::test]
async fn repeated_failures_are_throttled_even_for_the_right_password() {
    let app = TestApp::start().await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Editor);
    wrong["password"] = "not the password".into();
    let mut outcomes = Vec::new();
    for _ in 0..7 {
        outcomes.push(app.send(Method::POST, "/auth/login", Some(wrong.clone())).await.outcome());
    }
    assert_eq!(outcomes, [vec!["401 invalid_credentials"; 5], vec!["429 rate_limited"; 2]].concat());

    let right = app.credentials(Tenant::Acme, Role::Editor);
    let throttled = app.send(Method::POST, "/auth/login", Some(right.clone())).await;
    assert_eq!((throttled.outcome().as_str(), throttled.header("retry-after")), ("429 rate_limited", "1"));
    app.clock.advance(2);
    assert_eq!(app.send(Method::POST, "/auth/login", Some(right)).await.status, 200);
}

#[tokio::test]
async fn failures_from_one_address_do_not_lock_the_user_out_elsewhere() {
    let app = TestApp::start().await;
    let attacker = app.anonymous().from_address("198.51.100.9");
    let mut wrong = app.credentials(Tenant::Acme, Role::Editor);
    wrong["password"] = "guess".into();
    for _ in 0..8 {
        attacker.post("/auth/login", &wrong).await;
        app.clock.advance(1);
    }
    app.sign_in(Tenant::Acme, Role::Editor).await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_second_use_ends_the_session() {
    let app = TestApp::start().await;
    let first = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let refresh =
        |token: Option<String>| app.send(Method::POST, "/auth/refresh", Some(json!({"refresh_token": token})));
    let second = first.clone().with_tokens(&refresh(first.refresh_token.clone()).await.body);
    assert_eq!(second.get("/auth/whoami").await.status, 200);
    assert_ne!(first.refresh_token, second.refresh_token);

    app.clock.advance(11);
    assert_eq!(refresh(first.refresh_token.clone()).await.outcome(), "401 unauthenticated");
    for (what, outcome) in [
        ("the access token, the thief's or the owner's", second.get("/auth/whoami").await.outcome()),
        ("the successor", refresh(second.refresh_token.clone()).await.outcome()),
    ] {
        assert_eq!(outcome, "401 unauthenticated", "{what}");
    }
}

#[tokio::test]
async fn a_lost_refresh_response_is_repeated_for_ten_seconds() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let request = json!({"refresh_token": client.refresh_token});
    let (first, again) = tokio::join!(client.post("/auth/refresh", &request), client.post("/auth/refresh", &request));
    app.clock.advance(9);
    let late = client.post("/auth/refresh", &request).await;
    assert_eq!(first.text_at("refresh_token"), again.text_at("refresh_token"));
    assert_eq!(first.text_at("refresh_token"), late.text_at("refresh_token"));
    assert_eq!(client.with_tokens(&late.body).get("/auth/whoami").await.status, 200);
}

#[tokio::test]
async fn a_logged_out_session_is_rejected_at_once() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    assert_eq!(client.post_empty("/auth/logout").await.status, 204);
    assert_eq!(client.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let refresh = client.post("/auth/refresh", &json!({"refresh_token": client.refresh_token})).await;
    assert_eq!(refresh.outcome(), "401 unauthenticated");
    assert_eq!(client.post_empty("/auth/logout").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn suspended_users_and_tenants_are_rejected_at_once() {
    for (sql, changed) in [
        ("UPDATE users SET status = 'suspended' WHERE username = 'viewer'", "user"),
        ("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'", "tenant"),
        ("UPDATE users SET role = 'editor' WHERE username = 'viewer'", "role"),
    ] {
        let app = TestApp::start().await;
        let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
        app.database.execute(sql).await;
        assert_eq!(client.get("/accounts").await.outcome(), "401 unauthenticated", "{changed}");
        if changed != "role" {
            let login = app.send(Method::POST, "/auth/login", Some(app.credentials(Tenant::Acme, Role::Viewer))).await;
            assert_eq!(login.outcome(), "401 invalid_credentials", "{changed}");
        }
    }
}

#[tokio::test]
async fn an_access_token_expires() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    // Clock skew of a minute is tolerated.
    app.clock.advance(15 * 60 + 55);
    assert_eq!(client.get("/auth/whoami").await.status, 200);
    app.clock.advance(10);
    assert_eq!(client.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let fresh = client.post("/auth/refresh", &json!({"refresh_token": client.refresh_token})).await;
    assert_eq!(client.with_tokens(&fresh.body).get("/auth/whoami").await.status, 200);
}

#[tokio::test]
async fn credentials_are_read_from_one_bearer_header_only() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let token = client.access_token.clone().unwrap();
    let anonymous = app.anonymous();
    for (what, caller, path) in [
        ("basic", anonymous.clone().with_header("authorization", &format!("Basic {token}")), "/accounts"),
        ("bare", anonymous.clone().with_header("authorization", &token), "/accounts"),
        ("twice", client.clone().with_header("authorization", &format!("Bearer {token}")), "/accounts"),
        ("empty", anonymous.clone().with_header("authorization", "Bearer "), "/accounts"),
        ("cookie", anonymous.clone().with_header("cookie", &format!("access_token={token}")), "/accounts"),
        ("query", anonymous.clone(), &format!("/accounts?access_token={token}")),
        (
            "long",
            anonymous.clone().with_header("authorization", &format!("Bearer {}", "a".repeat(100_000))),
            "/accounts",
        ),
    ] {
        assert_eq!(caller.get(path).await.outcome(), "401 unauthenticated", "{what}");
    }
    assert_eq!(anonymous.with_header("authorization", &format!("bearer {token}")).get("/accounts").await.status, 200);
}

#[tokio::test]
async fn a_hundred_concurrent_refreshes_get_the_same_successor() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let request = json!({"refresh_token": client.refresh_token});
    let responses = futures_util::future::join_all((0..100).map(|_| client.post("/auth/refresh", &request))).await;
    let mut successors: Vec<_> = responses.iter().map(|response| response.text_at("refresh_token")).collect();
    successors.sort_unstable();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert!(responses.iter().all(|response| response.status == 200));
    assert_eq!(app.database.count("SELECT count(*) FROM refresh_tokens").await, 2);
}

/// Returns the processor time of this process so far, of all its threads. Unlike the time on the clock, it does not grow
/// while other processes run.
fn processor_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap()
}

/// The response times of failed logins must not reveal which part was wrong. Beside the round trips, which
/// `request::round_trips` counts, they depend on the password hash. It must be computed for unknown users as well.
#[tokio::test]
async fn a_wrong_tenant_user_or_password_cost_the_same_computation() {
    const ROUNDS: u8 = 30;
    let app = TestApp::start().await;
    let cases = [("tenant", "nowhere"), ("username", "nobody"), ("password", "wrong password")];
    let mut costs = cases.map(|_| Duration::MAX);
    // The cases take turns, and the least cost of each counts: load raises single costs, not the least of many.
    for round in 0..ROUNDS {
        for ((field, value), cost) in cases.iter().zip(&mut costs) {
            let mut request = app.credentials(Tenant::Acme, Role::Editor);
            request[field] = (*value).into();
            let caller = app.anonymous().from_address(&format!("198.51.100.{round}"));
            let before = processor_time();
            let response = caller.post("/auth/login", &request).await;
            let spent = processor_time().saturating_sub(before);
            assert_eq!(response.outcome(), "401 invalid_credentials", "round {round}, wrong {field}");
            *cost = spent.min(*cost);
        }
        // Throttling ends.
        app.clock.advance(3600);
    }
    let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
    assert!(
        most.as_secs_f64() / least.as_secs_f64() < 1.25,
        "an unknown tenant, an unknown user, a wrong password: {costs:?}"
    );
}
