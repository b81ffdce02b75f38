//! The response of `/metrics`.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use serde_json::json;

#[tokio::test]
async fn requests_of_all_instances_are_counted_by_route_and_status() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for _ in 0..3 {
        editor.get("/accounts").await;
    }
    editor.post("/accounts", &json!({"name": 1})).await;
    app.report_counters().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let text = operator.get("/metrics").await.text;
    for line in [
        r#"holdfast_requests_total{function="accounts",route="/accounts",method="GET",status="2xx"} 3"#,
        r#"holdfast_requests_total{function="accounts",route="/accounts",method="POST",status="4xx"} 1"#,
        r#"holdfast_refusals_total{code="validation_failed"} 1"#,
        r#"holdfast_request_duration_seconds_count{function="accounts",route="/accounts"} 4"#,
        r#"holdfast_instance_starts_total{function="metrics"} 1"#,
        "holdfast_instances 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn openmetrics_is_returned_on_request() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let plain = operator.get("/metrics").await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let open = operator
        .with_header("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        .get("/metrics")
        .await;
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_counters_of_ended_instances_are_merged_without_loss() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    app.database
        .execute(
            r#"INSERT INTO metric_instances SELECT gen_random_uuid(), 0, 'auth', now(), now() - interval '3 hours', '{"holdfast_refusals_total{code=\"conflict\"}": 2}' FROM generate_series(1, 50)"#,
        )
        .await;
    for _ in 0..2 {
        let text = operator.get("/metrics").await.text;
        assert!(text.contains("holdfast_refusals_total{code=\"conflict\"} 100"), "{text}");
        let old = "SELECT count(*) FROM metric_instances WHERE reported_at < now() - interval '1 hour'";
        assert_eq!(app.database.count(old).await, 0);
    }
}

#[tokio::test]
async fn rejected_credentials_are_counted_by_reason() {
    let app = TestApp::start().await;
    let signed_out = app.sign_in(Tenant::Acme, Role::Viewer).await;
    signed_out.post_empty("/auth/logout").await;
    signed_out.get("/accounts").await;
    app.anonymous().get("/accounts").await;
    app.anonymous().with_token("not.a.token").get("/accounts").await;
    app.anonymous().with_token("hfk_no_token").get("/accounts").await;
    app.anonymous().post("/auth/refresh", &json!({"refresh_token": "hfr_none"})).await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = json!("not the password");
    app.anonymous().post("/auth/login", &wrong).await;
    app.report_counters().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let text = operator.get("/metrics").await.text;
    for reason in [
        "not_live",
        "no_credential",
        "invalid_access_token",
        "invalid_api_token",
        "invalid_refresh_token",
        "invalid_credentials",
    ] {
        let line = format!("holdfast_auth_failures_total{{reason=\"{reason}\"}} 1");
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_wait_for_a_connection_is_counted() {
    let app = TestApp::builder().setting("DATABASE_POOL_SIZE", "1");
    let (app, viewer) = app.start_as(Tenant::Acme, Role::Viewer).await;
    futures_util::future::join_all((0..8).map(|_| viewer.get("/accounts"))).await;
    let totals = app.apps.accounts.metrics.totals();
    let waits = totals.get("holdfast_pool_waits_total").copied().unwrap_or_default();
    assert!(waits >= 1.0 && totals["holdfast_pool_wait_seconds_total"] > 0.0, "{totals:?}");
}
