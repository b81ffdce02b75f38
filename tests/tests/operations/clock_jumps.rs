//! Clocks that run ahead and are set back: no token is accepted early, the audit log verifies, and no alarm stays silent.

use holdfast_backup::Task;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups;
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// Returns the value of a gauge.
async fn gauge(operator: &Client, name: &str) -> f64 {
    let text = operator.get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_token_from_the_future_is_rejected_until_its_time_and_a_new_one_works_at_once() {
    let app = TestApp::start().await;
    app.clock.advance(HOUR);
    let early = app.sign_in(Tenant::Acme, Role::Viewer).await;
    app.clock.advance(-HOUR);
    assert_eq!(early.get("/accounts").await.outcome(), "401 unauthenticated");
    assert_eq!(app.sign_in(Tenant::Acme, Role::Viewer).await.get("/accounts").await.status, 200);
    app.clock.advance(HOUR);
    assert_eq!(early.get("/accounts").await.status, 200);
}

#[tokio::test]
async fn sealing_continues_when_the_clock_is_set_back_and_the_log_verifies() {
    let app = TestApp::start().await;
    let sealing = Sealing::of(&app);
    app.clock.advance(YEAR);
    app.sign_in(Tenant::Acme, Role::Admin).await;
    sealing.seal_all(&app).await;
    app.clock.advance(-YEAR);
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    sealing.seal_all(&app).await;
    let verified = admin.get("/admin/audit/verify").await;
    assert_eq!(
        (&verified.body["ok"], verified.body["seals"].as_i64() >= Some(2)),
        (&true.into(), true),
        "{verified:?}"
    );
}

#[tokio::test]
async fn a_backup_dated_in_the_future_does_not_hide_a_missing_one() {
    let app = TestApp::start().await;
    let plan = backups::plan(&app, backups::folder(&app.database.folder().join("backups")));
    app.clock.advance(YEAR);
    backups::run_successfully(&app, &plan, Task::Backup).await;
    app.clock.advance(-YEAR);
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(gauge(&operator, "holdfast_backup_age_seconds").await >= 0.0);
    app.clock.advance(30 * HOUR);
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let age = gauge(&operator, "holdfast_backup_age_seconds").await;
    assert!(age >= 30.0 * 3600.0, "the alarm at 26 h would stay silent: {age}");

    backups::run_successfully(&app, &plan, Task::Backup).await;
    assert!(gauge(&operator, "holdfast_backup_age_seconds").await < 60.0);
    backups::run_successfully(&app, &plan, Task::Drill).await;
}
