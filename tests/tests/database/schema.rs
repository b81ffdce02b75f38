//! Schema drift: the schema compared with the one that the migrations create, and the report of the difference.

use std::process::{Command, Output, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::{schema_tree, tools};
use serde_json::{Value, json};

fn holdfast(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.arg("admin").args(arguments).env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("APP_ENV", "local").output().unwrap()
}

/// Returns the output of a command, which must print something.
#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(!output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn the_expected_schema_is_the_migrated_one() {
    let app = TestApp::start().await;
    let created = stdout(&holdfast(&app, &["schema", "expected"]));
    let path = tools::workspace().join("shared/src/schema/expected.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &created).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == created,
        "the migrations have changed: run this test once with UPDATE_SCHEMA=1, read the diff, and commit it"
    );
    let diff = holdfast(&app, &["schema", "diff"]);
    assert_eq!((stdout(&diff).as_str(), diff.status.code()), ("The schema is what the migrations create.\n", Some(0)));
}

#[tokio::test]
async fn the_tree_of_the_schema_is_the_migrated_one() {
    let app = TestApp::start().await;
    let folder = tools::workspace().join("migrations/schema");
    let files = schema_tree::generate(&app.database.superuser().await).await;
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        schema_tree::write(&folder, &files);
    }
    let found = schema_tree::read(&folder);
    let differing: Vec<&String> =
        files.keys().chain(found.keys()).filter(|name| files.get(*name) != found.get(*name)).collect();
    assert!(
        differing.is_empty(),
        "migrations/schema is out of date in {differing:?}: run this test once with UPDATE_SCHEMA=1, and read the diff"
    );
}

/// A change outside the migrations, its reversal, and the drift that it causes.
struct Change {
    apply: &'static str,
    revert: &'static str,
    kind: &'static str,
    name: &'static str,
    drift: &'static str,
}

const CHANGES: [Change; 19] = [
    Change {
        apply: "CREATE TABLE notes (a int)",
        revert: "DROP TABLE notes",
        kind: "table",
        name: "notes",
        drift: "unexpected",
    },
    Change {
        apply: "ALTER TABLE accounts ADD COLUMN note text",
        revert: "ALTER TABLE accounts DROP COLUMN note",
        kind: "column",
        name: "accounts.note",
        drift: "unexpected",
    },
    Change {
        apply: "ALTER TABLE accounts ALTER COLUMN owner SET NOT NULL",
        revert: "ALTER TABLE accounts ALTER COLUMN owner DROP NOT NULL",
        kind: "column",
        name: "accounts.owner",
        drift: "changed",
    },
    Change {
        apply: "ALTER TABLE users ALTER COLUMN status SET DEFAULT 'suspended'",
        revert: "ALTER TABLE users ALTER COLUMN status SET DEFAULT 'active'",
        kind: "column",
        name: "users.status",
        drift: "changed",
    },
    Change {
        apply: "ALTER TABLE accounts RENAME CONSTRAINT accounts_status_check TO x",
        revert: "ALTER TABLE accounts RENAME CONSTRAINT x TO accounts_status_check",
        kind: "constraint",
        name: "accounts.accounts_status_check",
        drift: "missing",
    },
    Change {
        apply: "DROP INDEX accounts_by_owner",
        revert: "CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner, id) WHERE deleted_at IS NULL",
        kind: "index",
        name: "accounts_by_owner",
        drift: "missing",
    },
    Change {
        apply: "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        revert: "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY",
        kind: "table",
        name: "accounts",
        drift: "changed",
    },
    Change {
        apply: "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY",
        revert: "ALTER TABLE secrets FORCE ROW LEVEL SECURITY",
        kind: "table",
        name: "secrets",
        drift: "changed",
    },
    Change {
        apply: "ALTER POLICY own_tenant ON accounts USING (true)",
        revert: "ALTER POLICY own_tenant ON accounts USING (tenant_id = (SELECT current_tenant()))",
        kind: "policy",
        name: "accounts.own_tenant",
        drift: "changed",
    },
    Change {
        apply: "CREATE POLICY open ON accounts TO PUBLIC USING (true)",
        revert: "DROP POLICY open ON accounts",
        kind: "policy",
        name: "accounts.open",
        drift: "unexpected",
    },
    Change {
        apply: "GRANT DELETE ON http_audit_log TO holdfast_admin",
        revert: "REVOKE DELETE ON http_audit_log FROM holdfast_admin",
        kind: "grant",
        name: "table http_audit_log to holdfast_admin",
        drift: "changed",
    },
    Change {
        apply: "GRANT SELECT ON accounts TO PUBLIC",
        revert: "REVOKE SELECT ON accounts FROM PUBLIC",
        kind: "grant",
        name: "table accounts to PUBLIC",
        drift: "unexpected",
    },
    Change {
        apply: "GRANT UPDATE (role) ON users TO holdfast_metrics",
        revert: "REVOKE UPDATE (role) ON users FROM holdfast_metrics",
        kind: "grant",
        name: "column users.role to holdfast_metrics",
        drift: "unexpected",
    },
    Change {
        apply: "GRANT SELECT ON http_audit_log_rest TO holdfast_admin",
        revert: "REVOKE SELECT ON http_audit_log_rest FROM holdfast_admin",
        kind: "grant",
        name: "table http_audit_log_rest to holdfast_admin",
        drift: "unexpected",
    },
    Change {
        apply: "GRANT EXECUTE ON FUNCTION set_quotas(uuid, jsonb) TO PUBLIC",
        revert: "REVOKE EXECUTE ON FUNCTION set_quotas(uuid, jsonb) FROM PUBLIC",
        kind: "grant",
        name: "function set_quotas(uuid,jsonb) to PUBLIC",
        drift: "unexpected",
    },
    Change {
        apply: "ALTER FUNCTION request_rejection() SECURITY DEFINER",
        revert: "ALTER FUNCTION request_rejection() SECURITY INVOKER",
        kind: "function",
        name: "request_rejection()",
        drift: "changed",
    },
    Change {
        apply: "CREATE FUNCTION more() RETURNS int LANGUAGE sql RETURN 1",
        revert: "DROP FUNCTION more()",
        kind: "function",
        name: "more()",
        drift: "unexpected",
    },
    Change {
        apply: "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER skip BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION t()",
        revert: "DROP TRIGGER skip ON accounts; DROP FUNCTION t()",
        kind: "trigger",
        name: "accounts.skip",
        drift: "unexpected",
    },
    Change {
        apply: "CREATE VIEW all_accounts AS SELECT * FROM accounts",
        revert: "DROP VIEW all_accounts",
        kind: "relation",
        name: "all_accounts",
        drift: "unexpected",
    },
];

#[tokio::test]
async fn every_kind_of_change_outside_the_migrations_is_drift() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let superuser = app.database.superuser().await;
    let clean = operator.get("/admin/schema").await;
    assert_eq!((clean.status.as_u16(), &clean.body["drift"]), (200, &json!([])), "{clean:?}");
    assert_eq!(clean.body["version"], clean.body["expected"]);
    assert_eq!((&clean.body["pending"], &clean.body["failed"]), (&json!([]), &json!([])));

    for Change { apply, revert, kind, name, drift: expected } in CHANGES {
        superuser.batch_execute(apply).await.unwrap();
        let drift = operator.get("/admin/schema").await.body["drift"].clone();
        let found = drift.as_array().unwrap().iter().any(|difference| {
            difference["kind"] == kind && difference["name"] == name && difference["change"] == expected
        });
        assert!(found, "{apply}: {drift:#}");
        superuser.batch_execute(revert).await.unwrap();
        assert_eq!(operator.get("/admin/schema").await.body["drift"], json!([]), "{revert}");
    }
    superuser.batch_execute("ALTER TABLE accounts ADD COLUMN note text").await.unwrap();
    let diff = holdfast(&app, &["schema", "diff"]);
    assert_eq!((stdout(&diff).as_str(), diff.status.code()), ("unexpected  column accounts.note: text\n", Some(1)));
}

#[tokio::test]
async fn only_operators_see_pending_and_failed_migrations() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let newest: i32 = operator.get("/admin/schema").await.body["version"].as_i64().unwrap().try_into().unwrap();
    let superuser = app.database.superuser().await;
    superuser.execute("DELETE FROM refinery_schema_history WHERE version = $1", &[&newest]).await.unwrap();
    let fail = "INSERT INTO migration_failures VALUES (gen_random_uuid(), now(), $1, 'it did not work')";
    superuser.execute(fail, &[&(newest - 1)]).await.unwrap();
    let schema = operator.get("/admin/schema").await.body;
    assert_eq!((&schema["version"], &schema["expected"]), (&json!(newest - 1), &json!(newest)));
    assert_eq!(schema["pending"].as_array().map(Vec::len), Some(1), "{schema}");
    assert_eq!(schema["failed"][0]["error"], "it did not work");
    for client in [app.sign_in(Tenant::Acme, Role::Admin).await, app.sign_in(Tenant::Acme, Role::Viewer).await] {
        assert_eq!(client.get("/admin/schema").await.outcome(), "403 forbidden");
    }
    let settled: Value = json!([]);
    superuser
        .execute("UPDATE refinery_schema_history SET version = $1 WHERE version = $2", &[&newest, &(newest - 1)])
        .await
        .unwrap();
    assert_eq!(operator.get("/admin/schema").await.body["failed"], settled, "a later run succeeded");
}
