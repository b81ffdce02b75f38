//! An operator reaches a tenant's secrets in two calls: create an admin there, sign in as it. Each such call needs a reason,
//! which the tenant reads.

use holdfast_shared::permission::Role;
use holdfast_shared::route::{Effect, Route, TenantScope};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::auditor::export_of;
use holdfast_tests::client::{Client, Response};
use holdfast_tests::sample::Samples;
use serde_json::{Value, json};

/// A reason as it is sent, and as it is read.
const REASON: (&str, &str) =
    ("ticket 4711: Zo%C3%AB lost her phone, 100% sure", "ticket 4711: Zo\u{eb} lost her phone, 100% sure");

/// Routes that act in a tenant which an operator chooses: those that read, and those that write.
fn routes() -> (Vec<&'static Route>, Vec<&'static Route>) {
    let routes = holdfast::gateway::endpoints().into_iter().map(|endpoint| endpoint.route);
    routes.filter(|route| route.tenant == TenantScope::Chosen).partition(|route| route.effect == Effect::Reads)
}

async fn operator_at(app: &TestApp, tenant: Tenant) -> Client {
    app.sign_in(Tenant::Platform, Role::Operator).await.with_header("x-tenant-id", &app.tenant_id(tenant).await)
}

/// The audit row of a response, as the tenant's admin reads it.
async fn row(admin: &Client, response: &Response) -> Value {
    let rows = admin.get(&format!("/admin/audit?request_id={}", response.header("x-request-id"))).await;
    assert_eq!(rows.items().len(), 1, "{rows:?}");
    rows.items()[0].clone()
}

#[tokio::test]
async fn every_write_in_a_tenant_needs_a_reason_and_the_tenants_log_has_it() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let operator = operator_at(&app, Tenant::Acme).await;
    let (reads, writes) = routes();
    assert!(reads.len() >= 8 && writes.len() >= 7, "{} and {}", reads.len(), writes.len());
    for route in reads {
        let sample = samples.of(route, Tenant::Acme, &operator).await;
        assert_eq!(sample.send(route, &operator).await.status, 200, "{} {}", route.method, route.path);
    }
    for route in writes {
        let name = format!("{} {}", route.method, route.path);
        let sample = samples.of(route, Tenant::Acme, &operator).await;
        let refused = sample.send(route, &operator).await;
        assert_eq!(refused.outcome(), "400 reason_required", "{name}");
        let found = row(&admin, &refused).await;
        assert_eq!(
            (&found["status"], &found["reason"], &found["role"]),
            (&json!(400), &Value::Null, &json!("operator"))
        );
        let accepted = sample.send(route, &operator.clone().with_header("x-reason", REASON.0)).await;
        assert_eq!(accepted.status.as_u16(), route.success, "{name}: {accepted:?}");
        let found = row(&admin, &accepted).await;
        assert_eq!((&found["reason"], &found["role"]), (&json!(REASON.1), &json!("operator")), "{name}");
    }
}

#[tokio::test]
async fn a_reason_is_one_visible_line_of_at_most_256_characters() {
    let (app, operator) = (TestApp::start().await, "x-reason");
    let at_acme = operator_at(&app, Tenant::Acme).await;
    let sent = |reason: &str| {
        let client = at_acme.clone().with_header(operator, reason);
        async move { client.post("/admin/users", &json!({"username": "x", "role": "nobody"})).await.outcome() }
    };
    for reason in ["", "%20", "%0A", "two%0Alines", "%E2%80%AE", "a%E2%80%8Bb", "%FF", "%00"] {
        assert_eq!(sent(reason).await, "400 reason_required", "{reason:?}");
    }
    assert_eq!(sent(&"%F0%9F%98%80".repeat(257)).await, "400 reason_required");
    for reason in ["a".repeat(256), "%F0%9F%98%80".repeat(256), "100%".to_owned(), "a + b".to_owned()] {
        assert_eq!(sent(&reason).await, "400 validation_failed", "{reason:?}");
    }
    let twice = at_acme.clone().with_header(operator, "one").with_header(operator, "two");
    assert_eq!(twice.post_empty("/admin/users").await.outcome(), "400 reason_required");
}

#[tokio::test]
async fn a_rejected_write_has_its_reason_in_the_log_unless_the_token_is_not_valid() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let operator = operator_at(&app, Tenant::Acme).await.with_header("x-reason", "trying");
    let missing = operator.delete("/admin/users/01900000-0000-7000-8000-000000000000").await;
    assert_eq!(
        (missing.outcome().as_str(), &row(&admin, &missing).await["reason"]),
        ("404 not_found", &json!("trying"))
    );
    app.clock.advance(301);
    let late = operator.post("/admin/users", &json!({"username": "x", "role": "admin"})).await;
    assert_eq!(late.outcome(), "401 reauthentication_required");
    assert_eq!(row(&app.sign_in(Tenant::Acme, Role::Admin).await, &late).await["reason"], "trying");

    let stranger = operator.with_token("not.a.token").post("/admin/users", &json!({})).await;
    assert_eq!(stranger.outcome(), "401 unauthenticated");
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM http_audit_log WHERE actor_kind = 'anonymous' AND reason IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn a_tenants_admin_lists_and_exports_what_operators_did_and_why() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let operator = operator_at(&app, Tenant::Acme).await.with_header("x-reason", "=1%2B1");
    let user = json!({"username": "op-made", "role": "admin"});
    operator.create("/admin/users", &user).await;
    assert_eq!(admin.post("/admin/users", &json!({"username": "own", "role": "viewer"})).await.status, 201);
    let listed = admin.get("/admin/audit?role=operator").await;
    assert_eq!((listed.each("action"), listed.each("reason")), (vec!["user.create"], vec!["=1+1"]));
    assert_eq!(admin.get("/admin/audit?role=nobody").await.outcome(), "400 validation_failed");
    let exported = export_of(&admin, "role=operator", 1).await.text;
    assert!(exported.contains("\"reason\":\"=1+1\"") && exported.lines().count() == 1, "{exported}");
    let cells = export_of(&admin, "role=operator&format=csv", 2).await.text;
    assert!(cells.contains(",\"'=1+1\",") && cells.starts_with("epoch,"), "{cells}");
}
