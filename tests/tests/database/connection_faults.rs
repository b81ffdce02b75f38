//! Failures of the database: callers get a 503, and nothing is lost or done twice.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Response;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::proxy::Proxy;
use serde_json::json;

async fn start_behind_proxy() -> (TestApp, Proxy) {
    let proxy = Proxy::before(TestDatabase::address().await).await;
    let app = TestApp::builder().setting("DATABASE_POOL_SIZE", "1").through(&proxy).start().await;
    (app, proxy)
}

#[track_caller]
fn assert_unavailable(response: &Response, when: &str) {
    assert_eq!(
        (response.outcome().as_str(), response.header("retry-after")),
        ("503 unavailable", "1"),
        "{when}: {response:?}"
    );
}

#[tokio::test]
async fn a_connection_cut_anywhere_is_a_503_and_a_repeat_succeeds_once() {
    let (app, proxy) = start_behind_proxy().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let mut tried = 0;
    loop {
        let keyed = editor.clone().with_header("idempotency-key", &format!("k{tried}"));
        let request = json!({"name": format!("n{tried}")});
        proxy.cut_after(tried);
        let response = keyed.post("/accounts", &request).await;
        proxy.repair();
        tried += 1;
        if response.status == 201 {
            break;
        }
        assert_unavailable(&response, &format!("cut after {} bytes", tried - 1));
        let again = keyed.post("/accounts", &request).await;
        assert_eq!(again.status, 201, "{again:?}");
    }
    assert!(tried > 100, "a response of the database is longer than {tried} bytes");
    assert_eq!(app.database.count("SELECT count(*) FROM accounts").await, tried);
    let audited = "SELECT count(*) FROM http_audit_log
        WHERE action = 'account.create' AND status = 201 AND changed <> '{}'";
    assert_eq!(app.database.count(audited).await, tried);
}

/// Ends the connections of the functions.
const KILL: &str = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE usename IN ('holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics') AND datname = current_database()";

#[tokio::test]
async fn a_connection_lost_while_idle_is_replaced_silently() {
    let (app, proxy) = start_behind_proxy().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let superuser = app.database.superuser().await;
    for _ in 0..3 {
        // The server processes have ended when the statement returns. The proxy then closes their connections.
        let open = proxy.open_connections();
        let killed = superuser.query(KILL, &[]).await.unwrap();
        assert!(!killed.is_empty());
        proxy.until_open(open - killed.len()).await;
        assert_eq!(viewer.get("/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn a_migration_that_changes_what_a_prepared_statement_returns_costs_one_503() {
    let (app, _proxy) = start_behind_proxy().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let account = editor.post("/accounts", &json!({"name": "first", "owner": "somebody"})).await;
    let path = format!("/accounts/{}", account.text_at("id"));
    for _ in 0..2 {
        assert_eq!(editor.get(&path).await.status, 200);
    }
    app.database.execute("ALTER TABLE accounts ALTER COLUMN owner TYPE varchar(200)").await;
    assert_unavailable(&editor.get(&path).await, "its plan is outdated");
    let again = editor.get(&path).await;
    assert_eq!((again.status.as_u16(), again.text_at("owner")), (200, "somebody"));
}

#[tokio::test]
async fn without_a_database_only_liveness_succeeds() {
    let (app, proxy) = start_behind_proxy().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    proxy.cut_after(0);
    assert_unavailable(&viewer.get("/accounts").await, "read");
    assert_unavailable(&viewer.post("/auth/login", &app.credentials(Tenant::Acme, Role::Viewer)).await, "login");
    let ready = viewer.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.text.as_str(), ready.header("retry-after")),
        (503, r#"{"status":"unavailable"}"#, "1")
    );
    assert_eq!(viewer.get("/healthz").await.text, r#"{"status":"ok"}"#);
    proxy.repair();
    assert_eq!(viewer.get("/accounts").await.status, 200);
    assert_eq!(viewer.get("/readyz").await.text, r#"{"status":"ready"}"#);
}

#[tokio::test]
async fn an_unknown_schema_is_not_ready() {
    let app = TestApp::start().await;
    let raise = "UPDATE refinery_schema_history SET version = 9999
        WHERE version = (SELECT max(version) FROM refinery_schema_history)";
    app.database.execute(raise).await;
    assert_eq!(app.anonymous().get("/readyz").await.text, r#"{"status":"unavailable"}"#);
}

#[tokio::test]
async fn a_statement_that_waits_too_long_for_a_lock_is_a_503() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let path = editor.post("/accounts", &json!({"name": "a"})).await.header("location").to_owned();
    let mut superuser = app.database.superuser().await;
    let held = superuser.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE accounts").await.unwrap();
    let response = editor.patch(&path, &json!({"owner": "o"})).await;
    assert_unavailable(&response, "locked");
    held.rollback().await.unwrap();
    assert_eq!(editor.patch(&path, &json!({"owner": "o"})).await.status, 200);
}

#[tokio::test]
async fn the_connection_of_a_cancelled_request_is_not_reused() {
    let (app, _proxy) = start_behind_proxy().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for after in [0, 1, 2, 4, 6, 8, 10, 12] {
        let request = viewer.get("/auth/whoami");
        let cancelled = tokio::time::timeout(std::time::Duration::from_millis(after), request).await.is_err();
        let next = viewer.get("/accounts").await;
        assert!(next.body["items"].is_array(), "after {after} ms, cancelled: {cancelled}: {next:?}");
    }
}
