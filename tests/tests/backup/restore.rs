//! Restores: every row, every privilege, and secrets that open. An altered backup, or a restore that would overwrite data,
//! is rejected before anything happens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use holdfast::cluster::{Cluster, ClusterOptions};
use holdfast::data_dir::DataDir;
use holdfast_backup::{BackupError, Login, Manifest, Programs, Source, Task};
use holdfast_shared::clock::SystemClock;
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

/// Rows of the tables that no request fills.
const RARE: &str = "INSERT INTO migration_failures (id, at, version, error) VALUES (gen_random_uuid(), now(), 1, 'none');
    INSERT INTO schema_checks (id, at, version, differences) VALUES (gen_random_uuid(), now(), 1, 0);
    INSERT INTO audit_drops SELECT 'http_audit_log_2001_01', '2001-01-01Z', '2001-02-01Z', 0, max(number) FROM audit_seals";

/// Returns the number of rows of every table, with each partition on its own.
async fn counts(database: &TestDatabase) -> BTreeMap<String, i64> {
    let superuser = database.superuser().await;
    // The key that binds actors to transactions is in no backup: the next request creates another.
    let tables = "SELECT 'public.' || relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         AND relname <> 'request_binding_keys'";
    let mut counts = BTreeMap::new();
    for row in superuser.query(tables, &[]).await.unwrap() {
        let table: String = row.get("name");
        let count = superuser.query_one(&format!("SELECT count(*) FROM ONLY {table}"), &[]).await.unwrap();
        counts.insert(table, count.get("count"));
    }
    counts
}

fn manifest(folder: &Path, dump: &str) -> Manifest {
    let path = folder.join(dump.replace(".dump", ".json"));
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
    restore(&store, &summary.object_key, &restored).await.unwrap();
    let settings = [("DATABASE_URL", restored.app_url())];
    let restored_app = app.instance_with(&settings, &editor).await;
    assert_eq!(restored_app.get(account.header("location")).await.body, account.body);
    assert_eq!(restored_app.get(&format!("{secret}/value")).await.text_at("value"), value.expose_secret());
    assert_eq!(restored_app.get(after.header("location")).await.outcome(), "404 not_found");
    // The restored database accepts writes and isolates tenants.
    assert_eq!(restored_app.post("/accounts", &json!({"name": "New"})).await.status, 201);
    let stranger = app.instance_with(&settings, &app.sign_in(Tenant::Globex, Role::Editor).await).await;
    assert_eq!(stranger.get(account.header("location")).await.outcome(), "401 unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_every_table_is_dumped_and_restored() {
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

    Sealing::of(&app).seal_all(&app).await;
    app.database.execute(RARE).await;

    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let summary = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await;
    let expected = counts(&app.database).await;
    assert_eq!(manifest(files.path(), &summary.object_key).facts.row_counts, expected);
    // An empty table would prove nothing. Most partitions of the audit log are for future months.
    let proven = |table: &str| expected[table] > 0 || table.starts_with("public.http_audit_log_");
    assert!(expected.keys().all(|table| proven(table)), "{expected:?}");

    let restored = TestDatabase::empty().await;
    restore(&store, &summary.object_key, &restored).await.unwrap();
    assert_eq!(counts(&restored).await, expected);
    let keys = "SELECT count(*) FROM request_binding_keys";
    assert_eq!((app.database.count(keys).await, restored.count(keys).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_byte_anywhere_is_rejected_and_nothing_is_restored() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let dump = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let path = files.path().join(&dump);
    let whole = std::fs::read(&path).unwrap();
    let restored = TestDatabase::empty().await;
    for at in [0, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        std::fs::write(&path, &altered).unwrap();
        let rejection = restore(&store, &dump, &restored).await.unwrap_err();
        assert!(matches!(rejection, BackupError::Altered { .. }), "{at}: {rejection}");
    }
    for cut in [0, 1, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let rejection = restore(&store, &dump, &restored).await.unwrap_err();
        assert!(matches!(rejection, BackupError::Altered { .. }), "{cut}: {rejection}");
    }
    assert!(counts(&restored).await.is_empty());
    std::fs::write(&path, &whole).unwrap();
    restore(&store, &dump, &restored).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_is_left_unchanged() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let dump = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let before = counts(&app.database).await;
    let rejection = restore(&store, &dump, &app.database).await.unwrap_err();
    assert!(matches!(rejection, BackupError::NotEmpty(_)), "{rejection}");
    assert_eq!(counts(&app.database).await, before);
    for something in [
        "CREATE TABLE notes (id integer)",
        "CREATE FUNCTION one() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE SCHEMA other",
    ] {
        let database = TestDatabase::empty().await;
        database.execute(something).await;
        let rejection = restore(&store, &dump, &database).await.unwrap_err();
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
        assert!(
            matches!(&rejection, BackupError::Hidden(tables) if tables == "public.accounts"),
            "{hide}: {rejection}"
        );
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
    assert_eq!(names, ["begin_backup_run", "finish_backup_run", "keep_vault_canary", "reject"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_creates_the_roles_on_a_new_server() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let dump = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;

    let dir = Arc::new(DataDir::temporary().unwrap());
    let cluster = Cluster::start(dir, ClusterOptions::throw_away(), &SystemRng).await.unwrap();
    cluster.create_database("elsewhere", None).await.unwrap();
    let into = Login::new(cluster.owner_url("elsewhere"), None).unwrap();
    holdfast_backup::restore(&Source::new(store, &dump), &into, &Programs::system(), &|_| ()).await.unwrap();

    let client = cluster.connect("elsewhere").await.unwrap();
    let check = |sql: &'static str| async { client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) };
    assert!(check("SELECT has_table_privilege('holdfast_app', 'accounts', 'SELECT')").await);
    assert!(check("SELECT has_schema_privilege('holdfast_app', 'public', 'USAGE')").await);
    assert!(!check("SELECT has_schema_privilege('holdfast_definer', 'public', 'CREATE')").await);
    assert!(check("SELECT has_database_privilege('holdfast_backup', 'elsewhere', 'CONNECT')").await);
    assert!(!check("SELECT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = 'elsewhere' AND a.grantee = 0)").await);
    // The migrate function has nothing to do.
    let plan = holdfast_migrate::Plan::new(cluster.owner_url("elsewhere"));
    let report = holdfast_migrate::run(&plan, &SystemClock, &SystemRng).await.unwrap();
    assert_eq!((report.version_before, report.applied.len()), (holdfast_migrate::newest_version(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_begins_a_new_epoch_of_the_audit_log() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let store = folder(files.path());
    let dump = run_successfully(&app, &plan(&app, store.clone()), Task::Backup).await.object_key;
    let restored = TestDatabase::empty().await;
    restore(&store, &dump, &restored).await.unwrap();
    for (database, expected) in [(&app.database, 1), (&restored, 2)] {
        assert_eq!(database.value::<i32>("SELECT audit_epoch()", &[]).await, expected);
    }
}
