//! The schema as it should be, as it is, and what is told of the difference.

use std::process::{Command, Output, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::tools;
use serde_json::{Value, json};

fn holdfast(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.args(arguments).env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("APP_ENV", "local").output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(!output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn what_is_expected_is_what_the_migrations_make() {
    let app = TestApp::start().await;
    let made = said(&holdfast(&app, &["schema", "expected"]));
    let path = tools::workspace().join("shared/src/schema/expected.json");
    if std::env::var_os("UPDATE_EXPECTED_SCHEMA").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == made,
        "the migrations have changed: run this test once with UPDATE_EXPECTED_SCHEMA=1, read the diff, and commit it"
    );
    let diff = holdfast(&app, &["schema", "diff"]);
    assert_eq!((said(&diff).as_str(), diff.status.code()), ("The schema is as the migrations make it.\n", Some(0)));
}

/// What somebody may do past the migrations, how it is undone, and the difference that it makes.
const CHANGES: [(&str, &str, &str, &str, &str); 19] = [
    ("CREATE TABLE notes (a int)", "DROP TABLE notes", "table", "notes", "unexpected"),
    (
        "ALTER TABLE accounts ADD COLUMN note text",
        "ALTER TABLE accounts DROP COLUMN note",
        "column",
        "accounts.note",
        "unexpected",
    ),
    (
        "ALTER TABLE accounts ALTER COLUMN owner SET NOT NULL",
        "ALTER TABLE accounts ALTER COLUMN owner DROP NOT NULL",
        "column",
        "accounts.owner",
        "changed",
    ),
    (
        "ALTER TABLE users ALTER COLUMN status SET DEFAULT 'suspended'",
        "ALTER TABLE users ALTER COLUMN status SET DEFAULT 'active'",
        "column",
        "users.status",
        "changed",
    ),
    (
        "ALTER TABLE accounts RENAME CONSTRAINT accounts_status_check TO x",
        "ALTER TABLE accounts RENAME CONSTRAINT x TO accounts_status_check",
        "constraint",
        "accounts.accounts_status_check",
        "missing",
    ),
    (
        "DROP INDEX accounts_by_owner",
        "CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner, id) WHERE deleted_at IS NULL",
        "index",
        "accounts_by_owner",
        "missing",
    ),
    (
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY",
        "table",
        "accounts",
        "changed",
    ),
    (
        "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE secrets FORCE ROW LEVEL SECURITY",
        "table",
        "secrets",
        "changed",
    ),
    (
        "ALTER POLICY own_tenant ON accounts USING (true)",
        "ALTER POLICY own_tenant ON accounts USING (tenant_id = (SELECT current_tenant()))",
        "policy",
        "accounts.own_tenant",
        "changed",
    ),
    (
        "CREATE POLICY open ON accounts TO PUBLIC USING (true)",
        "DROP POLICY open ON accounts",
        "policy",
        "accounts.open",
        "unexpected",
    ),
    (
        "GRANT DELETE ON http_audit_log TO holdfast_app",
        "REVOKE DELETE ON http_audit_log FROM holdfast_app",
        "grant",
        "table http_audit_log to holdfast_app",
        "changed",
    ),
    (
        "GRANT SELECT ON accounts TO PUBLIC",
        "REVOKE SELECT ON accounts FROM PUBLIC",
        "grant",
        "table accounts to PUBLIC",
        "unexpected",
    ),
    (
        "GRANT UPDATE (role) ON users TO holdfast_metrics",
        "REVOKE UPDATE (role) ON users FROM holdfast_metrics",
        "grant",
        "column users.role to holdfast_metrics",
        "unexpected",
    ),
    (
        "GRANT SELECT ON http_audit_log_rest TO holdfast_app",
        "REVOKE SELECT ON http_audit_log_rest FROM holdfast_app",
        "grant",
        "table http_audit_log_rest to holdfast_app",
        "unexpected",
    ),
    (
        "GRANT EXECUTE ON FUNCTION set_quotas(uuid, jsonb) TO PUBLIC",
        "REVOKE EXECUTE ON FUNCTION set_quotas(uuid, jsonb) FROM PUBLIC",
        "grant",
        "function set_quotas(uuid,jsonb) to PUBLIC",
        "unexpected",
    ),
    (
        "ALTER FUNCTION request_allowed() SECURITY DEFINER",
        "ALTER FUNCTION request_allowed() SECURITY INVOKER",
        "function",
        "request_allowed()",
        "changed",
    ),
    (
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql RETURN 1",
        "DROP FUNCTION more()",
        "function",
        "more()",
        "unexpected",
    ),
    (
        "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER skip BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION t()",
        "DROP TRIGGER skip ON accounts; DROP FUNCTION t()",
        "trigger",
        "accounts.skip",
        "unexpected",
    ),
    (
        "CREATE VIEW all_accounts AS SELECT * FROM accounts",
        "DROP VIEW all_accounts",
        "relation",
        "all_accounts",
        "unexpected",
    ),
];

#[tokio::test]
async fn every_kind_of_change_past_the_migrations_is_a_difference() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let superuser = app.database.superuser().await;
    let clean = operator.get("/admin/schema").await;
    assert_eq!((clean.status.as_u16(), &clean.body["drift"]), (200, &json!([])), "{clean:?}");
    assert_eq!(clean.body["version"], clean.body["expected"]);
    assert_eq!((&clean.body["pending"], &clean.body["failed"]), (&json!([]), &json!([])));

    for (change, back, kind, name, how) in CHANGES {
        superuser.batch_execute(change).await.unwrap();
        let drift = operator.get("/admin/schema").await.body["drift"].clone();
        let found =
            drift.as_array().unwrap().iter().any(|difference| {
                difference["kind"] == kind && difference["name"] == name && difference["change"] == how
            });
        assert!(found, "{change}: {drift:#}");
        superuser.batch_execute(back).await.unwrap();
        assert_eq!(operator.get("/admin/schema").await.body["drift"], json!([]), "{back}");
    }
    superuser.batch_execute("ALTER TABLE accounts ADD COLUMN note text").await.unwrap();
    let diff = holdfast(&app, &["schema", "diff"]);
    assert_eq!((said(&diff).as_str(), diff.status.code()), ("unexpected  column accounts.note: text\n", Some(1)));
}

#[tokio::test]
async fn what_is_pending_and_what_failed_is_told_to_operators_alone() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let newest: i32 = operator.get("/admin/schema").await.body["version"].as_i64().unwrap().try_into().unwrap();
    let superuser = app.database.superuser().await;
    superuser.execute("DELETE FROM refinery_schema_history WHERE version = $1", &[&newest]).await.unwrap();
    let fail = "INSERT INTO migration_failures VALUES (gen_random_uuid(), now(), $1, 'it did not work')";
    superuser.execute(fail, &[&(newest - 1)]).await.unwrap();
    let told = operator.get("/admin/schema").await.body;
    assert_eq!((&told["version"], &told["expected"]), (&json!(newest - 1), &json!(newest)));
    assert_eq!(told["pending"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told["failed"][0]["error"], "it did not work");
    for client in [app.sign_in(Tenant::Acme, Role::Admin).await, app.sign_in(Tenant::Acme, Role::Viewer).await] {
        assert_eq!(client.get("/admin/schema").await.outcome(), "403 forbidden");
    }
    let settled: Value = json!([]);
    superuser
        .execute("UPDATE refinery_schema_history SET version = $1 WHERE version = $2", &[&newest, &(newest - 1)])
        .await
        .unwrap();
    assert_eq!(operator.get("/admin/schema").await.body["failed"], settled, "a later run got past it");
}
