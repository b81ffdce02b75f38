//! How often a request crosses the network to the database, counted by a proxy in front of it: once, refusals included;
//! a login twice. The routes come from the route table.

use holdfast_shared::permission::Role;
use holdfast_shared::route::Route;
use holdfast_tests::app::{Options, Tenant, TestApp};
use holdfast_tests::database::TestDatabase;
use holdfast_tests::proxy::Proxy;
use holdfast_tests::sample::{Sample, Samples};
use serde_json::json;

async fn start() -> (TestApp, Proxy) {
    let proxy = Proxy::counting(TestDatabase::address().await).await;
    let app = TestApp::start_with(Options { through: Some(proxy.address()), ..Options::default() }).await;
    (app, proxy)
}

fn allowed(route: &Route) -> usize {
    match route.path {
        "/healthz" => 0,
        // What only argon2 or the vault can check lies between two flights, as in a login.
        "/auth/login" | "/auth/browser/login" | "/auth/password" | "/auth/mfa/totp" | "/auth/mfa/totp/confirm" => 2,
        _ => 1,
    }
}

#[tokio::test]
async fn every_route_takes_one_flight_and_login_two() {
    let (app, proxy) = start().await;
    let samples = Samples::new(&app).await;
    // The tenants' data keys are made and in memory.
    for (tenant, role) in [(Tenant::Acme, Role::Viewer), (Tenant::Platform, Role::Operator)] {
        app.sign_in(tenant, role).await.act("/auth/mfa/totp").await;
    }
    samples.forget_codes().await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let client = app.sign_in_for(route).await;
        let sample = samples.of(route, Tenant::Acme, &client).await;
        proxy.take_flights();
        let reply = sample.send(route, &client).await;
        assert_eq!(reply.status.as_u16(), route.success, "{} {}: {reply:?}", route.method, route.path);
        assert_eq!(proxy.take_flights(), allowed(route), "{} {}", route.method, route.path);
        samples.forget_codes().await;
    }
}

#[tokio::test]
async fn refusals_take_one_flight_too() {
    let (app, proxy) = start().await;
    let samples = Samples::new(&app).await;
    let account = samples.account(Tenant::Acme).await;
    let taken = samples.account(Tenant::Acme).await;
    let name = app.sign_in(Tenant::Acme, Role::Viewer).await.get(&taken).await.text_at("name").to_owned();
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let keyed = editor.clone().with_header("idempotency-key", "once");
    keyed.post("/accounts", &json!({"name": "first"})).await;
    let admin = app.sign_in(Tenant::Globex, Role::Admin).await;
    let own = format!("/admin/users/{}", admin.get("/auth/whoami").await.text_at("subject"));
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let globex = format!("/admin/tenants/{}", app.tenant_id(Tenant::Globex).await);
    operator.patch(&globex, &json!({"quotas": {"accounts": 0, "users": 0}})).await;
    let gone = app.sign_in(Tenant::Acme, Role::Editor).await;
    gone.act("/auth/logout").await;

    let get = |path: &str| ("GET", Sample { path: path.to_owned(), ..Sample::default() });
    let post = |path: &str, body: serde_json::Value| {
        ("POST", Sample { path: path.to_owned(), body: Some(body), ..Sample::default() })
    };
    let patch_at = |path: &str, body: serde_json::Value| {
        ("PATCH", Sample { path: path.to_owned(), body: Some(body), ..Sample::default() })
    };
    let patch = |body: serde_json::Value| patch_at(&account, body);
    for (client, (method, sample), outcome) in [
        (&app.anonymous(), get("/accounts"), "401 unauthenticated"),
        (&gone, get("/accounts"), "401 unauthenticated"),
        (&gone, get("/metrics"), "401 unauthenticated"),
        (&editor, get("/metrics"), "403 forbidden"),
        (&editor.clone().with_header("x-tenant-id", "other"), get("/accounts"), "403 tenant_mismatch"),
        (&editor, get("/accounts/01900000-0000-7000-8000-000000000000"), "404 not_found"),
        (&editor, get("/accounts/none"), "404 not_found"),
        (&editor, get("/accounts?limit=0"), "400 validation_failed"),
        (&editor, post("/accounts", json!({"name": name})), "409 conflict"),
        (&editor, patch(json!({"name": name})), "409 conflict"),
        (&editor.clone().with_header("if-match", "\"7\""), patch(json!({"owner": "x"})), "412 precondition_failed"),
        (&keyed, post("/accounts", json!({"name": "second"})), "422 idempotency_mismatch"),
        (&editor, post("/accounts", json!({"nome": "x"})), "400 validation_failed"),
        (&admin, post("/accounts", json!({"name": "x"})), "403 quota_exceeded"),
        (&admin, post("/admin/users", json!({"username": "x", "role": "viewer"})), "403 quota_exceeded"),
        (&admin, post("/admin/users", json!({"username": "EDITOR", "role": "viewer"})), "409 conflict"),
        (&admin, patch_at(&own, json!({"role": "viewer"})), "409 conflict"),
        (&operator, patch_at(&own, json!({"username": "x"})), "404 not_found"),
        (&operator, post("/admin/tenants", json!({"slug": "acme", "name": "x"})), "409 conflict"),
        (&editor, post("/auth/refresh", json!({"refresh_token": "hfr_none"})), "401 unauthenticated"),
        (&editor, post("/auth/refresh", json!({"refresh_token": gone.refresh_token})), "401 unauthenticated"),
    ] {
        proxy.take_flights();
        let reply = client.send(method.parse().unwrap(), &sample.path, sample.body.clone()).await;
        assert_eq!((reply.outcome().as_str(), proxy.take_flights()), (outcome, 1), "{sample:?}");
    }
}

#[tokio::test]
async fn a_failed_login_takes_two_flights_like_one_that_works() {
    let (app, proxy) = start().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await;
    for (field, value) in [("tenant", "nowhere"), ("username", "nobody"), ("password", "wrong")] {
        let mut request = app.credentials(Tenant::Acme, Role::Viewer);
        request[field] = value.into();
        proxy.take_flights();
        assert_eq!(app.anonymous().post("/auth/login", &request).await.outcome(), "401 invalid_credentials");
        assert_eq!(proxy.take_flights(), 2, "{field}");
    }
}

#[tokio::test]
async fn an_idempotent_creation_takes_one_flight_the_first_time_and_the_second() {
    let (app, proxy) = start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await.with_header("idempotency-key", "k-1");
    for replayed in ["", "true"] {
        proxy.take_flights();
        let reply = editor.post("/accounts", &json!({"name": "Once"})).await;
        assert_eq!((reply.status.as_u16(), reply.header("idempotency-replayed")), (201, replayed));
        assert_eq!(proxy.take_flights(), 1);
    }
}
