//! The drill: restores the newest backup into a scratch database, checks it, and drops it again.

use holdfast::cluster::OWNER;
use holdfast_backup::{BackupError, Login, Plan, Task};
use holdfast_shared::permission::Role;
use holdfast_shared::vault::{LocalKey, Provider, Providers};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups::{folder, plan, run, run_successfully, runs, states};
use holdfast_tests::database::TestDatabase;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::secrets;
use secrecy::ExposeSecret;
use serde_json::json;

const SCRATCH: &str = "SELECT datname::text FROM pg_database WHERE datname = $1";

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_restores_checks_and_drops_the_newest_backup() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    run_successfully(&app, &plan, Task::Backup).await;
    app.sign_in(Tenant::Acme, Role::Editor).await.post("/accounts", &json!({"name": "Newer"})).await;
    app.clock.advance(1);
    let newest = run_successfully(&app, &plan, Task::Backup).await;
    let drill = run_successfully(&app, &plan, Task::Drill).await;
    assert_eq!((&drill.object_key, &drill.sha256), (&newest.object_key, &newest.sha256));
    assert_eq!((&drill.row_counts, drill.canary), (&newest.row_counts, Some("opened")));
    assert_eq!(states(&app).await, ["backup succeeded", "backup succeeded", "drill succeeded"]);
    let left = app.database.superuser().await.query(SCRATCH, &[&plan.scratch_database().unwrap()]).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_key_that_does_not_open_the_canary_fails_the_drill() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    run_successfully(&app, &plan, Task::Backup).await;
    let other = Providers::new(Provider::Local(LocalKey::new(&[7; 32]).unwrap()));
    let failure = run(&app, &Plan { vault: Some(other), ..plan }, Task::Drill).await.unwrap_err();
    assert!(matches!(failure, BackupError::Canary(_)), "{failure}");
    assert_eq!(runs(&app).await[1].error, Some(failure.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_wrapped_by_an_unknown_key_fails_the_drill_though_the_canary_opens() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await.post("/auth/mfa/totp", &app.own_password()).await;
    app.database.execute("UPDATE vault_keys SET provider_key = 'gone'").await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    run_successfully(&app, &plan, Task::Backup).await;
    let failure = run(&app, &plan, Task::Drill).await.unwrap_err();
    assert!(failure.to_string().contains("wrapped by local key gone"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_a_killed_drill_is_dropped_by_the_next_one() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    let name = plan.scratch_database().unwrap();
    let superuser = app.database.superuser().await;
    superuser.batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await.unwrap();
    // The drill fails: there is no backup.
    let failure = run(&app, &plan, Task::Drill).await.unwrap_err();
    assert!(matches!(failure, BackupError::NoBackup(_)), "{failure}");
    assert!(superuser.query(SCRATCH, &[&name]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_drills_on_a_server_of_its_own_only() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let mut plan = plan(&app, folder(files.path()));
    plan.may_share_server = false;
    run_successfully(&app, &plan, Task::Backup).await;
    let rejection = run(&app, &plan, Task::Drill).await.unwrap_err();
    assert!(matches!(rejection, BackupError::SameServer), "{rejection}");

    // Neither a superuser nor a role that anybody granted anything.
    let server = TestDatabase::empty_apart().await;
    let password = secrets::random();
    let password = password.expose_secret();
    server.execute(&format!("CREATE ROLE drill LOGIN CREATEDB CREATEROLE PASSWORD '{password}'")).await;
    let url = server.owner_url();
    let (_, address) = url.split_once('@').unwrap();
    let (host, _) = address.split_once('/').unwrap();
    let url = format!("postgres://drill:{password}@{host}/postgres?sslmode=verify-full");
    plan.drill = Some(Login::new(url.into(), Some(server.ca_file())).unwrap());
    let drill = run_successfully(&app, &plan, Task::Drill).await;
    assert_eq!(drill.canary, Some("opened"));
    let scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast_drill%'";
    assert_eq!(server.count(scratch).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_restores_nothing() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let mut plan = plan(&app, folder(files.path()));
    run_successfully(&app, &plan, Task::Backup).await;
    plan.drill = Some(Login::new(app.database.superuser_url().into(), Some(app.database.ca_file())).unwrap());
    let rejection = run(&app, &plan, Task::Drill).await.unwrap_err();
    assert!(matches!(rejection, BackupError::Superuser), "{rejection}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_audit_row_fails_the_drill() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Editor).await;
    Sealing::of(&app).seal_all(&app).await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    run_successfully(&app, &plan, Task::Backup).await;
    run_successfully(&app, &plan, Task::Drill).await;

    app.database.execute("UPDATE http_audit_log SET status = 418").await;
    app.clock.advance(1);
    run_successfully(&app, &plan, Task::Backup).await;
    let failure = run(&app, &plan, Task::Drill).await.unwrap_err();
    assert!(matches!(&failure, BackupError::Seals(what) if what.contains("differs from what was sealed")), "{failure}");
}
