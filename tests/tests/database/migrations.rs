//! The migrate function beyond applying steps: dry runs, backups before steps that cannot be undone, failed steps that
//! change nothing, and functions that keep serving through a rollout.

use holdfast_migrate::{MigrateError, Pending, Plan, Report, Steps};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::SystemRng;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups;
use holdfast_tests::sample::Samples;
use jiff::SignedDuration;

const BROKEN: &str = "ALTER TABLE accounts ADD COLUMN note text; SELECT no_such_function()";
const MAJOR: &str = "-- major: drops accounts.owner\nALTER TABLE accounts DROP COLUMN owner";

/// Returns the newest version, and the name of a step after it.
fn next() -> (i32, String) {
    let newest = Steps::embedded().newest();
    (newest, format!("V{}__next", newest + 1))
}

fn plan(app: &TestApp, sql: &str) -> Plan {
    let mut plan = Plan::new(app.database.owner_url().into());
    plan.database_ca_file = Some(app.database.ca_file());
    plan.max_backup_age = SignedDuration::from_hours(24);
    plan.steps = plan.steps.and(&next().1, sql).unwrap();
    plan
}

async fn run(app: &TestApp, plan: &Plan) -> Result<Report, MigrateError> {
    holdfast_migrate::run(plan, &*app.clock, &SystemRng).await
}

async fn version(app: &TestApp) -> i32 {
    app.database.value("SELECT max(version) FROM refinery_schema_history", &[]).await
}

async fn has_column(app: &TestApp, column: &str) -> bool {
    let exists = "SELECT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = 'accounts'::regclass AND attname = $1 AND NOT attisdropped)";
    app.database.value(exists, &[&column]).await
}

#[tokio::test]
async fn a_dry_run_reports_pending_steps_and_changes_nothing() {
    let app = TestApp::start().await;
    let (newest, name) = next();
    let dry = Plan { dry_run: true, ..plan(&app, "ALTER TABLE accounts ADD COLUMN note text") };
    // Another run's lock does not block a dry run.
    let superuser = app.database.superuser().await;
    superuser.execute("SELECT pg_advisory_lock($1)", &[&i64::from_be_bytes(*b"holdfast")]).await.unwrap();
    let report = run(&app, &dry).await.unwrap();
    assert_eq!(report.pending, [Pending { step: name.clone(), major: None }]);
    assert_eq!((report.version, report.applied.len(), version(&app).await), (newest, 0, newest));
    assert!(!has_column(&app, "note").await);

    app.database.execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2").await;
    assert!(matches!(run(&app, &dry).await, Err(MigrateError::Changed(_))));
}

#[tokio::test]
async fn a_failed_step_changes_nothing_and_is_reported_until_a_run_succeeds() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let (newest, name) = next();
    let error = run(&app, &plan(&app, BROKEN)).await.unwrap_err().to_string();
    let cause = format!("error applying migration {name}: ");
    assert!(
        error.starts_with(&cause)
            && !error.contains('\n')
            && error.contains("function no_such_function() does not exist"),
        "{error}"
    );
    assert!(!has_column(&app, "note").await);
    assert_eq!(version(&app).await, newest);

    let schema = operator.get("/admin/schema").await.body;
    assert_eq!(schema["failed"][0]["error"], error, "{schema}");
    let metrics = operator.get("/metrics").await.text;
    assert!(metrics.contains("\nholdfast_migration_failures 1\n"), "{metrics}");

    run(&app, &plan(&app, "ALTER TABLE accounts ADD COLUMN note text")).await.unwrap();
    assert!(has_column(&app, "note").await);
    let failures = "SELECT count(*) FROM migration_failures WHERE version >= $1";
    let failures: i64 = app.database.value(failures, &[&(newest + 1)]).await;
    assert_eq!(failures, 0, "the new version settles the failure");
}

#[tokio::test]
async fn a_major_step_needs_a_recent_backup() {
    let app = TestApp::start().await;
    let (newest, name) = next();
    let plan = plan(&app, MAJOR);
    let rejected = |age: &str| {
        format!(
            "{name} is a major step (drops accounts.owner) and needs a backup younger than 24 h, the newest is {age}; \
             create one (`POST /admin/backups`, `holdfast admin backup`), or name the snapshot that you took \
             (other_backup, `holdfast admin migrate --other-backup`)"
        )
    };
    assert_eq!(run(&app, &plan).await.unwrap_err().to_string(), rejected("none"));
    let dry = Plan { dry_run: true, ..plan.clone() };
    assert_eq!(run(&app, &dry).await.unwrap_err().to_string(), rejected("none"));

    let folder = app.database.folder().join("backups");
    backups::run_successfully(&app, &backups::plan(&app, backups::folder(&folder)), holdfast_backup::Task::Backup)
        .await;
    app.clock.advance(24 * 3600 + 1);
    assert_eq!(run(&app, &plan).await.unwrap_err().to_string(), rejected("24 h old"));
    assert_eq!(version(&app).await, newest);

    let major = Some("drops accounts.owner".to_owned());
    backups::run_successfully(&app, &backups::plan(&app, backups::folder(&folder)), holdfast_backup::Task::Backup)
        .await;
    assert_eq!(run(&app, &dry).await.unwrap().pending, [Pending { step: name.clone(), major }]);
    assert_eq!(run(&app, &plan).await.unwrap().applied, [name]);
    assert!(!has_column(&app, "owner").await);
}

#[tokio::test]
async fn a_named_snapshot_replaces_the_backup() {
    let app = TestApp::start().await;
    let named = Plan { other_backup: Some("before-the-upgrade".to_owned()), ..plan(&app, MAJOR) };
    assert_eq!(run(&app, &named).await.unwrap().applied.len(), 1);
}

#[tokio::test]
async fn a_first_installation_needs_no_backup() {
    let name = next().1;
    let steps = Steps::embedded().and(&name, MAJOR).unwrap();
    let database = holdfast_tests::database::TestDatabase::empty().await;
    let plan = Plan { database_ca_file: Some(database.ca_file()), steps, ..Plan::new(database.owner_url().into()) };
    let report = holdfast_migrate::run(&plan, &holdfast_shared::clock::SystemClock, &SystemRng).await.unwrap();
    assert!(report.applied.contains(&name), "{report:?}");
}

#[tokio::test]
async fn every_route_works_over_the_previous_schema() {
    let steps = Steps::embedded();
    let before = steps.newest() - 1;
    let app = TestApp::builder().steps(steps.up_to(before)).start().await;
    assert_eq!(version(&app).await, before);
    let samples = Samples::new(&app).await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let client = app.sign_in_for(route).await;
        let response = samples.of(route, Tenant::Acme, &client).await.send(route, &client).await;
        assert_eq!(response.status.as_u16(), route.success, "{} {}: {response:?}", route.method, route.path);
        samples.disable_totp().await;
    }
}

#[tokio::test]
async fn an_unknown_schema_is_rejected_with_503() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let newest = Steps::embedded().newest();
    let superuser = app.database.superuser().await;
    let forget = "DELETE FROM refinery_schema_history WHERE version > $1";
    let add = "INSERT INTO refinery_schema_history
        SELECT $1, name, applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    for (statement, version, served) in
        [(forget, newest - 2, false), (add, newest + 1, false), (forget, newest - 2, false), (add, newest - 1, true)]
    {
        superuser.execute(statement, &[&version]).await.unwrap();
        let fresh = app.instance_with(&[], &operator).await;
        let (ready, response) = (fresh.get("/readyz").await, fresh.get("/auth/whoami").await);
        let found = (ready.status.as_u16(), response.outcome(), response.header("retry-after"));
        let expected = if served { (200, "200".to_owned(), "") } else { (503, "503 unavailable".to_owned(), "1") };
        assert_eq!(found, expected, "{version}: {ready:?}");
    }
}
