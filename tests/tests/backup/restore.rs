//! Restores: every row of every table, and secrets that open. A restore that would overwrite data is rejected before
//! anything happens. What an attacker could do to a backup: `tests/attacker/tampered_backups.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use holdfast::cluster::{Cluster, ClusterOptions};
use holdfast::data_dir::DataDir;
use holdfast_backup::{BackupError, Login, Manifest, Source, Summary, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::db::FromRow;
use holdfast_shared::db::privileges::{self, Privilege, PrivilegeDifference};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::SystemRng;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups::{folder, plan, restore, run_successfully};
use holdfast_tests::database::TestDatabase;
use holdfast_tests::sample::Samples;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::secrets;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio_postgres::Client;

/// Rows of the tables that no request fills.
const RARE: &str = "INSERT INTO migration_failures (id, at, version, error) VALUES (gen_random_uuid(), now(), 1, 'none');
    INSERT INTO schema_checks (id, at, version, differences) VALUES (gen_random_uuid(), now(), 1, 0);
    INSERT INTO audit_drops SELECT 'http_audit_log_2001_01', '2001-01-01Z', '2001-02-01Z', 0, max(number) FROM audit_seals";

/// Tables that a restore fills by itself: two describe the schema, one has a key that is created again.
const NOT_RESTORED: &str = "('refinery_schema_history', 'repeatable_steps', 'request_binding_keys')";

/// Reads the rows of every table of the catalogue, in the order in which they are stored.
async fn contents(database: &TestDatabase) -> BTreeMap<String, String> {
    let superuser = database.superuser().await;
    let tables = format!(
        "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
            AND relnamespace = 'public'::regnamespace AND relname NOT IN {NOT_RESTORED}"
    );
    let mut contents = BTreeMap::new();
    for row in superuser.query(&tables, &[]).await.unwrap() {
        let table: String = row.get("name");
        let text = copy(&superuser, &format!("COPY (SELECT * FROM {table}) TO STDOUT")).await;
        contents.insert(table, text);
    }
    contents
}

async fn copy(client: &Client, statement: &str) -> String {
    let mut rows = pin!(client.copy_out(statement).await.unwrap());
    let mut text = Vec::new();
    while let Some(bytes) = rows.next().await {
        text.extend_from_slice(&bytes.unwrap());
    }
    String::from_utf8(text).unwrap()
}

fn manifest(folder: &Path, archive: &str) -> Manifest {
    let path = folder.join(archive.replace(".tar", ".json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_serves_the_backed_up_data_including_secrets() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let account = editor.post("/accounts", &json!({"name": "Kept", "metadata": {"k": "v"}})).await;
    let secret = format!("{}/secrets/token", account.header("location"));
    let value = secrets::random();
    assert_eq!(editor.put(&secret, &json!({"value": value.expose_secret()})).await.status, 201);

    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let summary = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await;
    let after = editor.post("/accounts", &json!({"name": "Later"})).await;
    assert_eq!(after.status, 201);

    let restored = TestDatabase::empty().await;
    restore(&app, &store, &summary.object_key, &restored).await.unwrap();
    let restored_app = app.instance_over(&restored, &[], &editor).await;
    assert_eq!(restored_app.get(account.header("location")).await.body, account.body);
    assert_eq!(restored_app.get(&format!("{secret}/value")).await.text_at("value"), value.expose_secret());
    assert_eq!(restored_app.get(after.header("location")).await.outcome(), "404 not_found");
    // The restored database accepts writes and isolates tenants.
    assert_eq!(restored_app.post("/accounts", &json!({"name": "New"})).await.status, 201);
    let stranger = app.instance_over(&restored, &[], &app.sign_in(Tenant::Globex, Role::Editor).await).await;
    assert_eq!(stranger.get(account.header("location")).await.outcome(), "401 unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_every_table_is_restored_byte_for_byte() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        if route.effect == holdfast_shared::route::Effect::Creates
            || route.precondition == holdfast_shared::route::Precondition::Upsert
        {
            let client = if route.path.starts_with("/admin") {
                operator.clone()
            } else {
                app.sign_in(Tenant::Acme, Role::Admin).await
            };
            samples.of(route, Tenant::Acme, &client).await.send(route, &client).await;
        }
    }
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    admin.post("/auth/mfa/totp", &app.own_password()).await;
    admin.with_header("idempotency-key", "once").post("/accounts", &json!({"name": "Once"})).await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = secrets::random().expose_secret().into();
    assert_eq!(app.anonymous().post("/auth/login", &wrong).await.outcome(), "401 invalid_credentials");
    assert_eq!(app.anonymous().get("/accounts").await.outcome(), "401 unauthenticated");

    Sealing::of(&app).seal_all(&app).await;
    app.database.execute(RARE).await;

    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let summary = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await;
    let mut expected = contents(&app.database).await;
    let rows = |text: &String| i64::try_from(text.lines().count()).unwrap();
    let counts: BTreeMap<String, i64> = expected.iter().map(|(table, text)| (table.clone(), rows(text))).collect();
    assert_eq!(summary.row_counts, counts);
    assert_eq!(manifest(files.path(), &summary.object_key).row_counts(), counts);
    // An empty table would prove nothing.
    assert!(counts.values().all(|rows| *rows > 0), "{counts:?}");

    let restored = TestDatabase::empty().await;
    restore(&app, &store, &summary.object_key, &restored).await.unwrap();
    let mut found = contents(&restored).await;
    // The run's own row is that of a run in progress.
    assert!(expected.remove("backup_runs").unwrap().contains("succeeded"));
    assert!(found.remove("backup_runs").unwrap().contains("running"));
    for (table, text) in &expected {
        assert_eq!(found.get(table), Some(text), "{table}");
    }
    assert_eq!(found.len(), expected.len());
    let keys = "SELECT count(*) FROM request_binding_keys";
    assert_eq!((app.database.count(keys).await, restored.count(keys).await), (1, 1));
    assert!(
        app.database.value::<Vec<u8>>("SELECT inner_pad FROM request_binding_keys", &[]).await
            != restored.value::<Vec<u8>>("SELECT inner_pad FROM request_binding_keys", &[]).await
    );
}

/// Writes a pair of rows in one transaction, again and again, until it is stopped.
async fn write_pairs(app: &TestApp, stop: &AtomicBool) -> i64 {
    let writer = app.database.superuser().await;
    let mut pairs = 0;
    while !stop.load(Ordering::SeqCst) {
        writer
            .batch_execute(
                "BEGIN;
                 INSERT INTO migration_failures (id, at, version, error) VALUES (gen_random_uuid(), now(), 7, 'pair');
                 INSERT INTO schema_checks (id, at, version, differences) VALUES (gen_random_uuid(), now(), 7, 0);
                 COMMIT",
            )
            .await
            .unwrap();
        pairs += 1;
    }
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_during_writes_has_one_moment_of_all_tables() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let stop = AtomicBool::new(false);
    let plan = plan(&app, store.clone());
    let backups = async {
        let mut archives = Vec::new();
        for _ in 0..3 {
            app.clock.advance(1);
            archives.push(run_successfully(&app, &plan, Task::Backup).await);
        }
        stop.store(true, Ordering::SeqCst);
        archives
    };
    let (archives, pairs) = tokio::join!(backups, write_pairs(&app, &stop));
    let counted = |summary: &Summary, table: &str| summary.row_counts[table];
    let newest = archives.last().unwrap();
    assert!(counted(newest, "schema_checks") > 0 && pairs > 3, "{pairs}");
    for summary in &archives {
        assert_eq!(counted(summary, "schema_checks"), counted(summary, "migration_failures"));
    }
    let restored = TestDatabase::empty().await;
    restore(&app, &store, &newest.object_key, &restored).await.unwrap();
    assert_eq!(restored.count("SELECT count(*) FROM schema_checks").await, counted(newest, "schema_checks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_this_build_does_not_know_fails_the_backup_by_name() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    for (change, undo, named) in [
        ("CREATE TABLE notes (id integer)", "DROP TABLE notes", "notes is not of this build"),
        ("CREATE SEQUENCE numbers", "DROP SEQUENCE numbers", "numbers (sequence) is not of this build"),
        ("ALTER TABLE users ADD note text", "ALTER TABLE users DROP note", "users has a column note text"),
        (
            "ALTER TABLE schema_checks RENAME first TO one",
            "ALTER TABLE schema_checks RENAME one TO first",
            "schema_checks has no column first text",
        ),
    ] {
        app.database.execute(change).await;
        let rejection = holdfast_tests::backups::run(&app, &plan, Task::Backup).await.unwrap_err();
        assert!(matches!(&rejection, BackupError::Schema(what) if what == named), "{change}: {rejection}");
        app.database.execute(undo).await;
    }
    run_successfully(&app, &plan, Task::Backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn months_of_the_audit_log_that_the_migrations_do_not_create_are_restored() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await;
    app.database
        .execute(
            "CREATE TABLE http_audit_log_2019_12 PARTITION OF http_audit_log FOR VALUES FROM ('2019-12-01Z') TO ('2020-01-01Z');
             INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status)
             SELECT gen_random_uuid(), '2019-12-31 23:59:59Z', request_id, tenant_id, actor_kind, action, method, path, status
               FROM http_audit_log LIMIT 1",
        )
        .await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let archive = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let restored = TestDatabase::empty().await;
    restore(&app, &store, &archive, &restored).await.unwrap();
    assert_eq!(restored.count("SELECT count(*) FROM http_audit_log_2019_12").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_opened_by_tar_and_gunzip() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let archive = run_successfully(&app, &plan(&app, folder(files.path())), Task::Backup).await.object_key;
    let script = "tar --extract --to-stdout --file \"$0\" tenants | gunzip";
    let output = std::process::Command::new("bash").args(["-c", script]).arg(files.path().join(&archive)).output();
    // The manifest names the columns, in the order of the fields.
    let manifest = manifest(files.path(), &archive);
    let tenants = manifest.tables.iter().find(|stored| stored.table.name == "tenants").unwrap();
    let columns: Vec<_> = tenants.table.columns.iter().map(|column| column.name.as_str()).collect();
    let statement = format!("COPY tenants ({}) TO STDOUT", columns.join(", "));
    let expected = copy(&app.database.superuser().await, &statement).await;
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), expected);
    assert_eq!(tenants.rows, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_is_left_unchanged() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let archive = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let before = contents(&app.database).await;
    let rejection = restore(&app, &store, &archive, &app.database).await.unwrap_err();
    assert!(matches!(rejection, BackupError::NotEmpty(_)), "{rejection}");
    assert_eq!(contents(&app.database).await, before);
    for something in [
        "CREATE TABLE notes (id integer)",
        "CREATE FUNCTION one() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE SCHEMA other",
    ] {
        let database = TestDatabase::empty().await;
        database.execute(something).await;
        let rejection = restore(&app, &store, &archive, &database).await.unwrap_err();
        assert!(matches!(rejection, BackupError::NotEmpty(_)), "{something}: {rejection}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_hides_rows_from_the_backup_role_fails_the_backup_by_name() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    let owner = app.database.superuser().await;
    for (hide, show) in [
        (
            "DROP POLICY backup ON accounts",
            "CREATE POLICY backup ON accounts FOR SELECT TO holdfast_backup USING (true)",
        ),
        ("REVOKE SELECT ON accounts FROM holdfast_backup", "GRANT SELECT ON accounts TO holdfast_backup"),
        (
            "CREATE POLICY narrow ON accounts AS RESTRICTIVE FOR SELECT TO holdfast_backup USING (deleted_at IS NULL)",
            "DROP POLICY narrow ON accounts",
        ),
    ] {
        owner.batch_execute(hide).await.unwrap();
        let rejection = holdfast_tests::backups::run(&app, &plan, Task::Backup).await.unwrap_err();
        assert!(matches!(&rejection, BackupError::Hidden(tables) if tables == "accounts"), "{hide}: {rejection}");
        owner.batch_execute(show).await.unwrap();
    }
    run_successfully(&app, &plan, Task::Backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backup_role_writes_nothing_but_its_runs_and_the_canary() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    let writable = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND has_table_privilege('holdfast_backup', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')";
    assert_eq!(superuser.query(writable, &[]).await.unwrap().len(), 0);
    let functions =
        "SELECT p.proname::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.provolatile = 'v'
          AND has_function_privilege('holdfast_backup', p.oid, 'EXECUTE') ORDER BY name";
    let rows = superuser.query(functions, &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    assert_eq!(names, ["begin_backup_run", "finish_backup_run", "keep_vault_canary"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_creates_the_roles_on_a_new_server() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let archive = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;

    let dir = Arc::new(DataDir::temporary().unwrap());
    let cluster = Cluster::start(dir, ClusterOptions::throw_away(), &SystemRng).await.unwrap();
    cluster.create_database("elsewhere", None).await.unwrap();
    let into = Login::new(cluster.owner_url("elsewhere"), None).unwrap();
    let source = Source::new(store, &archive, holdfast_tests::backups::pins(&app).await);
    holdfast_backup::restore(&source, &into, &SystemClock, &SystemRng, &|_| ()).await.unwrap();

    let client = cluster.connect("elsewhere").await.unwrap();
    let check = |sql: &'static str| async { client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) };
    assert!(check("SELECT has_table_privilege('holdfast_accounts', 'accounts', 'SELECT')").await);
    assert!(check("SELECT has_schema_privilege('holdfast_health', 'public', 'USAGE')").await);
    assert!(!check("SELECT has_schema_privilege('holdfast_definer', 'public', 'CREATE')").await);
    assert!(check("SELECT has_database_privilege('holdfast_backup', 'elsewhere', 'CONNECT')").await);
    assert!(!check("SELECT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = 'elsewhere' AND a.grantee = 0)").await);
    // Nobody logs in until the migrate function has run, which has nothing else to do.
    let found = client.query(privileges::EFFECTIVE.text(), &[]).await.unwrap();
    let found: Vec<Privilege> = found.iter().map(|row| Privilege::from_row(row).unwrap()).collect();
    let differences = privileges::differences(found);
    let of_logins = |difference: &PrivilegeDifference| match difference {
        PrivilegeDifference::Missing(privilege) => privilege.object == "attribute",
        PrivilegeDifference::Unexpected(_) => false,
    };
    assert!(differences.iter().all(of_logins), "{differences:?}");
    let plan = holdfast_migrate::Plan::new(cluster.owner_url("elsewhere"));
    let report = holdfast_migrate::run(&plan, &SystemClock, &SystemRng).await.unwrap();
    assert_eq!((report.version_before, report.applied.len()), (holdfast_migrate::newest_version(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_begins_a_new_epoch_of_the_audit_log() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let archive = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let restored = TestDatabase::empty().await;
    restore(&app, &store, &archive, &restored).await.unwrap();
    for (database, expected) in [(&app.database, 1), (&restored, 2)] {
        assert_eq!(database.value::<i32>("SELECT audit_epoch()", &[]).await, expected);
    }
}
