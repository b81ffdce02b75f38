//! Backups and drills through the API: requests, lists and metrics.

use holdfast_backup::{BackupReport, Task};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups::{folder, plan, run, run_successfully};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_backup_runs_once() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    assert_eq!(run(&app, &plan, Task::Requested).await.unwrap(), BackupReport::Nothing);

    let requested = operator.post_empty("/admin/backups").await;
    assert_eq!((requested.status.as_u16(), requested.text_at("state")), (201, "requested"));
    assert_eq!(operator.post_empty("/admin/backups").await.outcome(), "409 conflict");

    let summary = run_successfully(&app, &plan, Task::Requested).await;
    assert_eq!(run(&app, &plan, Task::Requested).await.unwrap(), BackupReport::Nothing);
    let listed = operator.get("/admin/backups").await;
    let shown = &listed.body["items"][0];
    assert_eq!(listed.items().len(), 1);
    assert_eq!(
        [&shown["id"], &shown["state"], &shown["sha256"], &shown["row_counts"]["tenants"]],
        [&requested.body["id"], &json!("succeeded"), &json!(summary.sha256), &json!(3)]
    );
    assert!(shown["duration_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{shown}");
    let audit = operator.get("/admin/audit?action=backup.request").await;
    assert_eq!(audit.body["items"][1]["targets"]["backup_id"], requested.body["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_in_pages_and_by_kind_and_state() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    for task in [Task::Backup, Task::Backup, Task::Drill] {
        app.clock.advance(1);
        run_successfully(&app, &plan, task).await;
    }
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let first = operator.get("/admin/backups?limit=2").await;
    assert_eq!(first.each("kind"), ["drill", "backup"]);
    let rest = operator.get(&format!("/admin/backups?limit=2&cursor={}", first.text_at("next_cursor"))).await;
    assert_eq!((rest.each("kind"), rest.next_cursor()), (vec!["backup"], None));
    assert_eq!(operator.get("/admin/backups?kind=drill&state=succeeded").await.each("kind"), ["drill"]);
    assert!(operator.get("/admin/backups?state=failed").await.items().is_empty());
    assert_eq!(operator.get("/admin/backups?kind=other").await.outcome(), "400 validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_report_the_age_of_the_newest_successful_backup_and_drill() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let value = async |name: &str| {
        let text = operator.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    app.clock.advance(600);
    let never = value("holdfast_backup_age_seconds").await;
    assert!(never.is_some_and(|age| age >= 600.0), "as old as the installation: {never:?}");
    run(&app, &plan, Task::Drill).await.unwrap_err();
    assert_eq!(value("holdfast_backup_failures").await, Some(1.0));
    let summary = run_successfully(&app, &plan, Task::Backup).await;
    run_successfully(&app, &plan, Task::Drill).await;
    app.clock.advance(90);
    for name in ["holdfast_backup_age_seconds", "holdfast_drill_age_seconds"] {
        let age = value(name).await.unwrap();
        assert!((90.0..91.0).contains(&age), "{name}: {age}");
    }
    for name in ["holdfast_backup_duration_seconds", "holdfast_drill_duration_seconds"] {
        assert!(value(name).await.is_some_and(|seconds| seconds > 0.0), "{name}");
    }
    let compressed = value("holdfast_backup_compressed_bytes").await;
    assert_eq!(compressed.map(|bytes| bytes.to_string()), Some(summary.compressed_bytes.to_string()));
    assert!(value("holdfast_backup_size_bytes").await > compressed);
    assert_eq!(value("holdfast_backup_failures").await, Some(0.0));
}
