//! Dangerous acts need an authentication of the last five minutes, which a stolen session does not have (RFC 9470).

use holdfast_shared::clock::Clock;
use holdfast_shared::permission::Role;
use holdfast_shared::route::{Authentication, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::sample::{Samples, code};
use holdfast_tests::users;
use http::Method;
use serde_json::json;

/// The routes that the contract names, as far as they exist.
const RECENT: [(&str, &str); 9] = [
    ("DELETE", "/admin/users/{id}"),
    ("DELETE", "/admin/users/{id}/mfa"),
    ("DELETE", "/auth/mfa/totp"),
    ("PATCH", "/admin/tenants/{id}"),
    ("PATCH", "/admin/users/{id}"),
    ("POST", "/admin/keys/rotate"),
    ("POST", "/admin/tenants"),
    ("POST", "/admin/users"),
    ("POST", "/auth/tokens"),
];

fn recent_routes() -> Vec<&'static Route> {
    let endpoints = holdfast::gateway::endpoints();
    let routes: Vec<_> = endpoints.iter().map(|endpoint| endpoint.route).collect();
    routes.into_iter().filter(|route| route.authentication == Authentication::Recent).collect()
}

/// Signs in again by refreshing: a new access token of the same session.
async fn refreshed(client: &Client) -> Client {
    let tokens = client.post("/auth/refresh", &json!({"refresh_token": client.refresh_token})).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    client.clone().with_tokens(&tokens.body)
}

#[test]
fn the_routes_that_need_a_recent_authentication_are_those_of_the_contract() {
    let mut routes: Vec<_> = recent_routes().iter().map(|route| (route.method.as_str(), route.path)).collect();
    routes.sort_unstable();
    assert_eq!(routes, RECENT);
}

#[tokio::test]
async fn a_session_of_six_minutes_authenticates_again_for_every_dangerous_act() {
    let app = TestApp::start().await;
    for route in recent_routes() {
        let at = format!("{} {}", route.method, route.path);
        let samples = Samples::new(&app).await;
        let client = app.sign_in_for(route).await;
        let sample = samples.of(route, Tenant::Acme, &client).await;
        app.clock.advance(301);
        for stale in [client.clone(), refreshed(&client).await] {
            let response = sample.send(route, &stale).await;
            assert_eq!(response.outcome(), "401 reauthentication_required", "{at}");
            let challenge = "Bearer error=\"insufficient_user_authentication\", max_age=300";
            assert_eq!(response.header("www-authenticate"), challenge, "{at}");
        }
        let rows = format!(
            "SELECT count(*) FROM http_audit_log WHERE action = '{}' AND status = 401 AND actor_name IS NOT NULL",
            route.action
        );
        assert_eq!(app.database.count(&rows).await, 2, "{at}");

        let mut proof = app.own_password();
        if route.path == "/auth/mfa/totp" {
            // The sample's user has an authenticator app: its code is good for the step-up, a recovery code for the act.
            assert_eq!(client.post("/auth/step-up", &proof).await.outcome(), "401 mfa_required");
            proof["otp"] = sample.body.as_ref().unwrap()["code"].clone();
            assert_eq!(client.post("/auth/step-up", &proof).await.outcome(), "401 invalid_credentials", "too old");
            samples.disable_totp().await;
            proof.as_object_mut().unwrap().remove("otp");
        }
        let stepped = client.post("/auth/step-up", &proof).await;
        assert_eq!(stepped.status, 200, "{at}: {stepped:?}");
        let fields: Vec<_> = stepped.body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["access_token", "expires_in", "token_type"]);
        let fresh = client.clone().with_token(stepped.text_at("access_token"));
        let response = sample.send(route, &fresh).await;
        let expected = if route.path == "/auth/mfa/totp" { 409 } else { route.success };
        assert_eq!(response.status.as_u16(), expected, "{at}: {response:?}");
        samples.disable_totp().await;
    }
}

#[tokio::test]
async fn refreshing_keeps_the_time_of_the_authentication_and_a_step_up_renews_it() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let new = |name: &str| json!({"username": name, "role": "viewer"});
    app.clock.advance(200);
    let refreshed_once = refreshed(&admin).await;
    assert_eq!(refreshed_once.post("/admin/users", &new("early")).await.status, 201);
    app.clock.advance(101);
    assert_eq!(refreshed_once.post("/admin/users", &new("late")).await.outcome(), "401 reauthentication_required");
    assert_eq!(admin.post("/auth/step-up", &app.own_password()).await.status, 200);
    // The session has authenticated: its next token says so too.
    assert_eq!(refreshed(&refreshed_once).await.post("/admin/users", &new("late")).await.status, 201);
    // Reading needs nothing.
    app.clock.advance(600);
    assert_eq!(refreshed_once.get("/admin/users").await.status, 200);
}

#[tokio::test]
async fn a_step_up_needs_the_code_too_and_each_code_works_once() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let secret = viewer.post("/auth/mfa/totp", &app.own_password()).await.text_at("secret").to_owned();
    let this = code(&secret, app.clock.now(), 0);
    assert_eq!(viewer.post("/auth/mfa/totp/confirm", &json!({"code": this})).await.status, 204);
    let step_up = |otp: Option<String>| {
        let mut body = app.own_password();
        if let Some(otp) = otp {
            body["otp"] = otp.into();
        }
        let viewer = viewer.clone();
        async move { viewer.post("/auth/step-up", &body).await.outcome() }
    };
    assert_eq!(step_up(None).await, "401 mfa_required");
    assert_eq!(step_up(Some(this)).await, "401 invalid_credentials");
    let next = code(&secret, app.clock.now(), 1);
    assert_eq!(step_up(Some(next.clone())).await, "200");
    assert_eq!(step_up(Some(next)).await, "401 invalid_credentials");
}

#[tokio::test]
async fn enrolment_asks_for_the_password_and_new_recovery_codes_replace_the_old() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let wrong = json!({"password": "not the password"});
    assert_eq!(viewer.post("/auth/mfa/totp", &wrong).await.outcome(), "401 invalid_credentials");
    let none = viewer.post("/auth/mfa/recovery-codes", &json!({"code": "000000"})).await;
    assert_eq!(none.outcome(), "409 conflict");
    let enrolled = viewer.post("/auth/mfa/totp", &app.own_password()).await;
    let secret = enrolled.text_at("secret");
    let confirm = json!({"code": code(secret, app.clock.now(), 0)});
    assert_eq!(viewer.post("/auth/mfa/totp/confirm", &confirm).await.status, 204);
    let renewed = viewer.post("/auth/mfa/recovery-codes", &json!({"code": code(secret, app.clock.now(), 1)})).await;
    assert_eq!((renewed.status.as_u16(), renewed.body["recovery_codes"].as_array().map(Vec::len)), (200, Some(10)));
    let sign_in = |otp: &serde_json::Value| {
        let mut body = app.credentials(Tenant::Acme, Role::Viewer);
        body["otp"] = otp.clone();
        let anonymous = app.anonymous();
        async move { anonymous.post("/auth/login", &body).await.outcome() }
    };
    assert_eq!(sign_in(&enrolled.body["recovery_codes"][0]).await, "401 invalid_credentials");
    assert_eq!(sign_in(&renewed.body["recovery_codes"][0]).await, "200");
}

#[tokio::test]
async fn an_admin_ends_sessions_and_removes_second_factors_of_others_and_never_the_own() {
    let app = TestApp::builder().setting("REQUIRE_MFA_ROLES", "editor").start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let secret = editor.post("/auth/mfa/totp", &app.own_password()).await.text_at("secret").to_owned();
    let confirm = json!({"code": code(&secret, app.clock.now(), 0)});
    assert_eq!(editor.post("/auth/mfa/totp/confirm", &confirm).await.status, 204);
    assert_eq!(editor.get("/accounts").await.status, 200);
    let whoami = editor.get("/auth/whoami").await;
    let (user, session) = (format!("/admin/users/{}", whoami.text_at("subject")), whoami.text_at("session_id"));

    let listed = admin.get(&format!("{user}/sessions")).await;
    assert_eq!(listed.each("id"), [session], "{listed:?}");
    assert_eq!(admin.delete(&format!("{user}/mfa")).await.status, 204);
    assert_eq!(admin.get(&user).await.body["mfa"], false);
    assert_eq!(editor.get("/accounts").await.outcome(), "401 mfa_required", "the role requires a new one");

    let own = users::own_path(&admin).await;
    assert_eq!(admin.delete(&format!("{own}/mfa")).await.outcome(), "403 forbidden");
    assert_eq!(admin.delete(&format!("{user}/sessions/{session}")).await.status, 204);
    assert_eq!(editor.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    assert_eq!(admin.delete(&format!("{user}/sessions/{session}")).await.outcome(), "404 not_found");
    assert_eq!(admin.delete(&format!("{own}/sessions/{session}")).await.outcome(), "404 not_found");
    let strangers = app.sign_in(Tenant::Globex, Role::Admin).await;
    for path in [format!("{user}/sessions"), format!("{own}/sessions")] {
        assert_eq!(strangers.get(&path).await.outcome(), "404 not_found", "{path}");
    }
    let removed = strangers.send(Method::DELETE, &format!("{user}/mfa"), None).await;
    assert_eq!(removed.outcome(), "404 not_found");
}

#[tokio::test]
async fn an_operators_session_ends_after_half_an_hour_without_use_and_after_twelve_hours() {
    let app = TestApp::start().await;
    let mut operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let mut viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for _ in 0..24 {
        app.clock.advance(29 * 60);
        (operator, viewer) = (refreshed(&operator).await, refreshed(&viewer).await);
    }
    // Eleven hours and 36 minutes; the last access token ends with the session.
    app.clock.advance(24 * 60 + 61);
    assert_eq!(operator.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let late = operator.post("/auth/refresh", &json!({"refresh_token": operator.refresh_token})).await;
    assert_eq!(late.outcome(), "401 unauthenticated");
    assert_eq!(refreshed(&viewer).await.get("/auth/whoami").await.status, 200);

    let idle = app.sign_in(Tenant::Platform, Role::Operator).await;
    app.clock.advance(30 * 60);
    let rejected = idle.post("/auth/refresh", &json!({"refresh_token": idle.refresh_token})).await;
    assert_eq!(rejected.outcome(), "401 unauthenticated");
    assert_eq!(app.database.count("SELECT count(*) FROM sessions WHERE end_reason = 'idle'").await, 1);
}
