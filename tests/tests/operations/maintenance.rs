//! The scheduled tasks of the maintenance function other than sealing.

use holdfast_maintenance::{Checked, Done, Expired, Outcome, Task};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sealing::Sealing;
use serde_json::json;

const DAY: i64 = 24 * 3600;

async fn expire(app: &TestApp) -> Expired {
    match Sealing::of(app).run(app, Task::Expire).await {
        Outcome::Done(Done::Expire(expired)) => expired,
        other => panic!("{other:?}"),
    }
}

async fn count(app: &TestApp, table: &str) -> i64 {
    app.database.count(&format!("SELECT count(*) FROM {table}")).await
}

#[tokio::test]
async fn expired_data_is_deleted_for_good_and_not_before() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let mut paths = Vec::new();
    for name in ["kept", "gone"] {
        let keyed = editor.clone().with_header("idempotency-key", name);
        let created = keyed.create("/accounts", &json!({"name": name})).await;
        let path = created.header("location").to_owned();
        editor.put(&format!("{path}/secrets/token"), &json!({"value": "a value"})).await;
        paths.push(path);
    }
    editor.delete(&paths[1]).await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Editor);
    wrong["password"] = json!("not the password");
    app.anonymous().post("/auth/login", &wrong).await;
    assert_eq!(expire(&app).await, Expired::default());

    app.clock.advance(DAY + 1);
    let attempts = count(&app, "attempts").await.unsigned_abs();
    assert!(attempts > 0);
    assert_eq!(expire(&app).await, Expired { answers: 2, attempts, ..Expired::default() });

    app.clock.advance(29 * DAY);
    let before = (count(&app, "accounts").await, count(&app, "secrets").await, count(&app, "secret_versions").await);
    assert_eq!(expire(&app).await.accounts, 1);
    let after = (count(&app, "accounts").await, count(&app, "secrets").await, count(&app, "secret_versions").await);
    assert_eq!((before.0 - after.0, before.1 - after.1, before.2 - after.2), (1, 1, 1));

    app.clock.advance(60 * DAY);
    let sessions = count(&app, "sessions").await.unsigned_abs();
    assert_eq!(expire(&app).await, Expired { sessions, ..Expired::default() });
    assert_eq!((count(&app, "sessions").await, count(&app, "refresh_tokens").await), (0, 0));
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    assert_eq!(editor.get(&format!("{}/secrets/token/value", paths[0])).await.body["value"], "a value");
}

#[tokio::test]
async fn a_signing_key_of_a_rotation_is_deleted_a_day_after_it_expired_and_the_configured_one_is_kept() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    for _ in 0..2 {
        assert_eq!(operator.post("/admin/keys/rotate", &json!({"kind": "signing"})).await.status, 201);
    }
    assert_eq!(expire(&app).await.signing_keys, 0);
    app.clock.advance(DAY / 2);
    assert_eq!((expire(&app).await.signing_keys, count(&app, "signing_keys").await), (0, 3));
    app.clock.advance(DAY);
    assert_eq!((expire(&app).await.signing_keys, count(&app, "signing_keys").await), (1, 2));
    assert_eq!(app.anonymous().get("/.well-known/jwks.json").await.body["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_changed_schema_is_an_alarm_a_row_and_a_metric() {
    let app = TestApp::start().await;
    let sealing = Sealing::of(&app);
    let version = *holdfast_shared::db::SCHEMA_VERSIONS.end();
    let clean = Outcome::Done(Done::Drift(Checked { version, compared: true }));
    assert_eq!(sealing.run(&app, Task::Drift).await, clean);
    app.database.execute("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY").await;
    let Outcome::Failed { error } = sealing.run(&app, Task::Drift).await else { panic!("the task did not fail") };
    assert!(
        error.starts_with(
            "ALARM: 1 objects of the schema differ from the migrations, such as: changed     table accounts: "
        ),
        "{error}"
    );

    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let metrics = operator.get("/metrics").await.text;
    for line in [
        "holdfast_schema_differences 1".to_owned(),
        format!("holdfast_schema_version {version}"),
        "holdfast_migration_failures 0".to_owned(),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert!(metrics.contains("holdfast_schema_check_age_seconds "), "{metrics}");
}
