//! The round trips of a request to the database, counted by a proxy in front of it: one, also for rejections, and two for a
//! login. The routes come from the route table.

use holdfast_shared::permission::Role;
use holdfast_shared::route::Route;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::proxy::Proxy;
use holdfast_tests::sample::Samples;
use holdfast_tests::users::own_path;
use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn start_behind_proxy() -> (TestApp, Proxy) {
    let proxy = Proxy::counting(TestDatabase::address().await).await;
    let app = TestApp::builder().through(&proxy).start().await;
    (app, proxy)
}

/// Returns the number of round trips of a route.
fn expected(route: &Route) -> usize {
    match route.path {
        "/healthz" => 0,
        // The function computes an argon2 hash, or opens a value, between two round trips.
        "/auth/login" | "/auth/browser/login" | "/auth/password" | "/auth/step-up" => 2,
        path if path.starts_with("/auth/mfa/") => 2,
        _ => 1,
    }
}

#[tokio::test]
async fn every_route_takes_one_round_trip_and_login_two() {
    let (app, proxy) = start_behind_proxy().await;
    let samples = Samples::new(&app).await;
    // The tenants' data keys are created and cached.
    for (tenant, role) in [(Tenant::Acme, Role::Viewer), (Tenant::Platform, Role::Operator)] {
        app.sign_in(tenant, role).await.post("/auth/mfa/totp", &app.own_password()).await;
    }
    samples.disable_totp().await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let client = app.sign_in_for(route).await;
        let sample = samples.of(route, Tenant::Acme, &client).await;
        proxy.take_round_trips();
        let response = sample.send(route, &client).await;
        assert_eq!(response.status.as_u16(), route.success, "{} {}: {response:?}", route.method, route.path);
        assert_eq!(proxy.take_round_trips(), expected(route), "{} {}", route.method, route.path);
        samples.disable_totp().await;
    }
}

#[tokio::test]
async fn a_password_that_an_administrator_chooses_takes_a_second_round_trip_to_compare_it_with_names() {
    let (app, proxy) = start_behind_proxy().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let new = json!({"username": "ada", "role": "viewer", "password": app.password.expose_secret()});
    proxy.take_round_trips();
    let created = admin.create("/admin/users", &new).await;
    assert_eq!(proxy.take_round_trips(), 2);
    admin.patch(created.header("location"), &json!({"password": app.password.expose_secret()})).await;
    assert_eq!(proxy.take_round_trips(), 2);
}

#[tokio::test]
async fn a_key_that_is_made_outside_the_database_takes_a_second_round_trip_after_the_session_is_checked() {
    let (app, proxy) = start_behind_proxy().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let acting = operator.clone().in_tenant(&app.tenant_id(Tenant::Acme).await);
    for (client, kind, expected) in [(&operator, "signing", 2), (&acting, "vault", 2), (&operator, "vault", 1)] {
        proxy.take_round_trips();
        let response = client.post("/admin/keys/rotate", &json!({"kind": kind})).await;
        assert_eq!((response.status.as_u16(), proxy.take_round_trips()), (201, expected), "{kind}");
    }
}

#[tokio::test]
async fn rejections_take_one_round_trip() {
    let (app, proxy) = start_behind_proxy().await;
    let samples = Samples::new(&app).await;
    let account = samples.account(Tenant::Acme).await;
    let taken = samples.account(Tenant::Acme).await;
    let name = app.sign_in(Tenant::Acme, Role::Viewer).await.get(&taken).await.text_at("name").to_owned();
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let keyed = editor.clone().with_header("idempotency-key", "once");
    keyed.post("/accounts", &json!({"name": "first"})).await;
    let admin = app.sign_in(Tenant::Globex, Role::Admin).await;
    let own = own_path(&admin).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let globex = app.tenant_path(Tenant::Globex).await;
    operator.patch(&globex, &json!({"quotas": {"accounts": 0, "users": 0}})).await;
    let signed_out = app.sign_in(Tenant::Acme, Role::Editor).await;
    signed_out.post_empty("/auth/logout").await;

    let unknown = "/accounts/01900000-0000-7000-8000-000000000000";
    let elsewhere = editor.clone().with_header("x-tenant-id", "other");
    let stale = editor.clone().with_header("if-match", "\"7\"");
    let viewer = json!({"username": "x", "role": "viewer"});
    for Rejection { client, method, path, body, outcome } in [
        Rejection::of_get(&app.anonymous(), "/accounts", "401 unauthenticated"),
        Rejection::of_get(&signed_out, "/accounts", "401 unauthenticated"),
        Rejection::of_get(&signed_out, "/metrics", "401 unauthenticated"),
        Rejection::of_get(&editor, "/metrics", "403 forbidden"),
        Rejection::of_get(&elsewhere, "/accounts", "403 tenant_mismatch"),
        Rejection::of_get(&editor, unknown, "404 not_found"),
        Rejection::of_get(&editor, "/accounts/none", "404 not_found"),
        Rejection::of_get(&editor, "/accounts?limit=0", "400 validation_failed"),
        Rejection::of_post(&editor, "/accounts", json!({"name": name}), "409 conflict"),
        Rejection::of_patch(&editor, &account, json!({"name": name}), "409 conflict"),
        Rejection::of_patch(&stale, &account, json!({"owner": "x"}), "412 precondition_failed"),
        Rejection::of_post(&keyed, "/accounts", json!({"name": "second"}), "422 idempotency_mismatch"),
        Rejection::of_post(&editor, "/accounts", json!({"nome": "x"}), "400 validation_failed"),
        Rejection::of_post(&admin, "/accounts", json!({"name": "x"}), "403 quota_exceeded"),
        Rejection::of_post(&admin, "/admin/users", viewer, "403 quota_exceeded"),
        Rejection::of_post(&admin, "/admin/users", json!({"username": "EDITOR", "role": "viewer"}), "409 conflict"),
        Rejection::of_patch(&admin, &own, json!({"role": "viewer"}), "409 conflict"),
        Rejection::of_patch(&operator, &own, json!({"username": "x"}), "404 not_found"),
        Rejection::of_post(&operator, "/admin/tenants", json!({"slug": "acme", "name": "x"}), "409 conflict"),
        Rejection::of_refresh(&editor, &json!("hfr_none")),
        Rejection::of_refresh(&editor, &json!(signed_out.refresh_token)),
    ] {
        proxy.take_round_trips();
        let response = client.send(method.clone(), &path, body).await;
        assert_eq!((response.outcome().as_str(), proxy.take_round_trips()), (outcome, 1), "{method} {path}");
    }
}

/// A request that must be rejected.
struct Rejection {
    client: Client,
    method: Method,
    path: String,
    body: Option<Value>,
    outcome: &'static str,
}

impl Rejection {
    fn new(client: &Client, method: Method, path: &str, body: Option<Value>, outcome: &'static str) -> Self {
        Self { client: client.clone(), method, path: path.to_owned(), body, outcome }
    }

    fn of_get(client: &Client, path: &str, outcome: &'static str) -> Self {
        Self::new(client, Method::GET, path, None, outcome)
    }

    fn of_post(client: &Client, path: &str, body: Value, outcome: &'static str) -> Self {
        Self::new(client, Method::POST, path, Some(body), outcome)
    }

    fn of_patch(client: &Client, path: &str, body: Value, outcome: &'static str) -> Self {
        Self::new(client, Method::PATCH, path, Some(body), outcome)
    }

    fn of_refresh(client: &Client, token: &Value) -> Self {
        Self::of_post(client, "/auth/refresh", json!({"refresh_token": token}), "401 unauthenticated")
    }
}

#[tokio::test]
async fn a_failed_login_takes_two_round_trips_like_a_successful_one() {
    let (app, proxy) = start_behind_proxy().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await;
    for (field, value) in [("tenant", "nowhere"), ("username", "nobody"), ("password", "wrong")] {
        let mut request = app.credentials(Tenant::Acme, Role::Viewer);
        request[field] = value.into();
        proxy.take_round_trips();
        assert_eq!(app.anonymous().post("/auth/login", &request).await.outcome(), "401 invalid_credentials");
        assert_eq!(proxy.take_round_trips(), 2, "{field}");
    }
}

#[tokio::test]
async fn an_idempotent_creation_takes_one_round_trip_each_time() {
    let (app, proxy) = start_behind_proxy().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await.with_header("idempotency-key", "k-1");
    for replayed in ["", "true"] {
        proxy.take_round_trips();
        let response = editor.post("/accounts", &json!({"name": "Once"})).await;
        assert_eq!((response.status.as_u16(), response.header("idempotency-replayed")), (201, replayed));
        assert_eq!(proxy.take_round_trips(), 1);
    }
}
