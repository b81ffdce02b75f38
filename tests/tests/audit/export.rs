//! Exports: complete and without a row twice while rows are added, safe to open in a spreadsheet, and good to verify.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Reply};
use serde_json::{Value, json};

const FIRST: &str = "/admin/audit/export?limit=3";

fn ids(reply: &Reply) -> Vec<String> {
    column(reply, "id")
}

fn column(reply: &Reply, name: &str) -> Vec<String> {
    let lines = reply.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

/// The path of the next page, by the answer's `Link` header.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.header("link");
    link.strip_suffix("; rel=\"next\"").map(|target| target.trim_matches(['<', '>']).to_owned())
}

/// Waits until an export holds so many rows: other tests' transactions, on the same cluster, hold its end back for a moment.
async fn settled(admin: &Client, query: &str, rows: usize) -> Reply {
    let started = Instant::now();
    loop {
        let reply = admin.get(&format!("/admin/audit/export?{query}")).await;
        if reply.text.lines().count() >= rows {
            return reply;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{rows} rows are not exported: {reply:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Gives the requests' ids.
async fn act(editor: &Client, count: usize) -> Vec<String> {
    let mut requests = Vec::new();
    for at in 0..count {
        let reply = editor.post("/accounts", &json!({"name": format!("{at}")})).await;
        requests.push(reply.header("x-request-id").to_owned());
    }
    requests
}

#[tokio::test]
async fn pages_join_to_all_that_there_was_at_the_first_however_many_rows_are_added() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    act(&editor, 8).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let sql = "SELECT id::text FROM http_audit_log WHERE tenant_id = $1::text::uuid ORDER BY epoch, transaction_id, id";
    let superuser = app.database.superuser().await;
    let before = superuser.query(sql, &[&app.tenant_id(Tenant::Acme).await]).await.unwrap();
    let before: Vec<String> = before.iter().map(|row| row.get(0)).collect();

    settled(&admin, "limit=200", before.len()).await;

    let (mut exported, mut requests, mut added) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut page = admin.get(FIRST).await;
    loop {
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "application/x-ndjson; charset=utf-8"));
        exported.extend(ids(&page));
        requests.extend(column(&page, "request_id"));
        added.extend(act(&editor, 2).await);
        let Some(path) = next(&page) else { break };
        page = admin.get(&path).await;
    }
    // The exports that were waited for are rows themselves; of what came later, the first page knew nothing.
    assert!(exported.len() >= before.len(), "{} of {}", exported.len(), before.len());
    assert_eq!(exported[..before.len()], before);
    assert_eq!(exported.iter().collect::<BTreeSet<_>>().len(), exported.len(), "a row twice");
    assert!(!requests.iter().any(|request| added.contains(request)), "a row that was added meanwhile");
}

#[tokio::test]
async fn a_row_that_commits_late_is_in_the_next_export_and_never_lost() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let mut client = app.database.superuser().await;
    let late = client.transaction().await.unwrap();
    late.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
    act(&editor, 2).await;
    assert_eq!(ids(&admin.get("/admin/audit/export?action=account.create").await).len(), 0);
    late.commit().await.unwrap();
    assert_eq!(ids(&settled(&admin, "action=account.create", 2).await).len(), 2);
}

#[tokio::test]
async fn an_export_takes_the_lists_filters_and_is_audited() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let made = admin.post("/accounts", &json!({"name": "a"})).await;
    admin.post("/accounts", &json!({"name": "b"})).await;
    let exported = settled(&admin, &format!("account_id={}", made.text_at("id")), 1).await;
    assert_eq!(column(&exported, "request_id"), [made.header("x-request-id")]);
    assert_eq!(next(&exported), None);
    let audited = admin.get(&format!("/admin/audit?request_id={}", exported.header("x-request-id"))).await;
    assert_eq!(audited.body["items"][0]["action"], "audit.export");
    for query in ["format=xml", "limit=0", "limit=201", "colour=red", "cursor=x", "from=yesterday"] {
        let refused = admin.get(&format!("/admin/audit/export?{query}")).await;
        assert_eq!(refused.outcome(), "400 validation_failed", "{query}");
    }
    // A cursor is good for the same filters only.
    settled(&admin, "", 2).await;
    let path = next(&admin.get("/admin/audit/export?limit=1").await).unwrap();
    assert_eq!(admin.get(&format!("{path}&status=200")).await.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn a_spreadsheet_finds_no_formula_in_what_a_caller_sent() {
    let app = TestApp::start().await;
    let mut request = app.credentials(Tenant::Acme, Role::Viewer);
    request["password"] = "wrong".into();
    let agents = ["=HYPERLINK(\"http://evil.example\",\"x\")", "+1", "-1", "@SUM(1)", "'quoted", "plain, with a comma"];
    for (at, agent) in agents.into_iter().enumerate() {
        let client = app.anonymous().from_address(&format!("198.51.100.{at}"));
        let login = client.request(http::Method::POST, "/auth/login").header("content-type", "application/json");
        let mut login = login.body(axum::body::Body::from(request.to_string())).unwrap();
        login.headers_mut().insert("user-agent", agent.parse().unwrap());
        client.call(login).await;
    }
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let export = settled(&admin, "format=csv&status=401", 7).await;
    assert_eq!(export.header("content-type"), "text/csv; header=present; charset=utf-8");
    for line in export.text.lines().skip(1) {
        for cell in line.split(',') {
            assert!(!cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
}
