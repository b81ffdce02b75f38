//! What callers see when the database fails, and that nothing is lost or done twice.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Options, Tenant, TestApp};
use holdfast_tests::client::Reply;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::proxy::Proxy;
use serde_json::json;

async fn start() -> (TestApp, Proxy) {
    let proxy = Proxy::before(TestDatabase::address().await).await;
    let settings = vec![("DATABASE_POOL_SIZE", "1".to_owned())];
    let app = TestApp::start_with(Options { through: Some(proxy.address()), settings, ..Options::default() }).await;
    (app, proxy)
}

fn assert_unavailable(reply: &Reply, when: &str) {
    assert_eq!((reply.outcome().as_str(), reply.header("retry-after")), ("503 unavailable", "1"), "{when}: {reply:?}");
}

#[tokio::test]
async fn a_connection_cut_anywhere_in_the_answer_is_a_503_and_a_repeat_does_it_once() {
    let (app, proxy) = start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let mut tried = 0;
    loop {
        let keyed = editor.clone().with_header("idempotency-key", &format!("k{tried}"));
        let request = json!({"name": format!("n{tried}")});
        proxy.cut_after(tried);
        let reply = keyed.post("/accounts", &request).await;
        proxy.repair();
        tried += 1;
        if reply.status == 201 {
            break;
        }
        assert_unavailable(&reply, &format!("cut after {} bytes", tried - 1));
        let again = keyed.post("/accounts", &request).await;
        assert_eq!(again.status, 201, "{again:?}");
    }
    assert!(tried > 100, "the answer of a flight is longer than {tried} bytes");
    let superuser = app.database.superuser().await;
    let sql = "SELECT (SELECT count(*) FROM accounts),
        (SELECT count(*) FROM http_audit_log WHERE action = 'account.create' AND status = 201 AND changed <> '{}')";
    let row = superuser.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (tried, tried));
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_unseen() {
    let (app, _proxy) = start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let superuser = app.database.superuser().await;
    for _ in 0..3 {
        let killed = superuser.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'holdfast_app' AND datname = current_database()", &[]).await.unwrap();
        assert!(!killed.is_empty());
        // The proxy passes the close on after its delay; a frozen instance would find it on waking.
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert_eq!(viewer.get("/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn a_migration_that_changes_what_a_prepared_statement_returns_costs_one_503() {
    let (app, _proxy) = start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let account = editor.post("/accounts", &json!({"name": "first", "owner": "somebody"})).await;
    let path = format!("/accounts/{}", account.text_at("id"));
    for _ in 0..2 {
        assert_eq!(editor.get(&path).await.status, 200);
    }
    let superuser = app.database.superuser().await;
    superuser.batch_execute("ALTER TABLE accounts ALTER COLUMN owner TYPE varchar(200)").await.unwrap();
    assert_unavailable(&editor.get(&path).await, "its plan is of before");
    let again = editor.get(&path).await;
    assert_eq!((again.status.as_u16(), again.text_at("owner")), (200, "somebody"));
}

#[tokio::test]
async fn without_a_database_only_liveness_answers_well() {
    let (app, proxy) = start().await;
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
async fn a_schema_that_this_build_does_not_know_is_not_served() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    superuser.batch_execute("UPDATE refinery_schema_history SET version = 9999 WHERE version = (SELECT max(version) FROM refinery_schema_history)").await.unwrap();
    assert_eq!(app.anonymous().get("/readyz").await.text, r#"{"status":"unavailable"}"#);
}

#[tokio::test]
async fn a_statement_that_waits_too_long_for_a_lock_gives_up() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let path = editor.post("/accounts", &json!({"name": "a"})).await.header("location").to_owned();
    let mut superuser = app.database.superuser().await;
    let held = superuser.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE accounts").await.unwrap();
    let reply = editor.patch(&path, &json!({"owner": "o"})).await;
    assert_unavailable(&reply, "locked");
    held.rollback().await.unwrap();
    assert_eq!(editor.patch(&path, &json!({"owner": "o"})).await.status, 200);
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_connection_to_nobody() {
    let (app, _proxy) = start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for after in [0, 1, 2, 4, 6, 8, 10, 12] {
        let gone = tokio::time::timeout(std::time::Duration::from_millis(after), viewer.get("/auth/whoami")).await;
        let next = viewer.get("/accounts").await;
        assert!(next.body["items"].is_array(), "given up after {after} ms ({}): {next:?}", gone.is_err());
    }
}
