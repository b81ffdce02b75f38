//! Exports: every row exactly once while rows are added, and safe to open in a spreadsheet.

use std::collections::BTreeSet;

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::auditor::export_of;
use holdfast_tests::client::{Client, Response};
use serde_json::{Value, json};

const FIRST: &str = "/admin/audit/export?limit=3";

fn ids(response: &Response) -> Vec<String> {
    column(response, "id")
}

fn column(response: &Response, name: &str) -> Vec<String> {
    let lines = response.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

/// Returns the path of the next page, from the `Link` header.
fn next(response: &Response) -> Option<String> {
    let link = response.header("link");
    link.strip_suffix("; rel=\"next\"").map(|target| target.trim_matches(['<', '>']).to_owned())
}

/// Creates accounts. Returns the requests' ids.
async fn create_accounts(editor: &Client, count: usize) -> Vec<String> {
    let mut requests = Vec::new();
    for at in 0..count {
        let response = editor.post("/accounts", &json!({"name": format!("{at}")})).await;
        requests.push(response.header("x-request-id").to_owned());
    }
    requests
}

#[tokio::test]
async fn the_pages_of_an_export_contain_every_row_of_its_start_once() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    create_accounts(&editor, 8).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let sql = "SELECT id::text FROM http_audit_log WHERE tenant_id = $1::text::uuid ORDER BY epoch, transaction_id, id";
    let superuser = app.database.superuser().await;
    let before = superuser.query(sql, &[&app.tenant_id(Tenant::Acme).await]).await.unwrap();
    let before: Vec<String> = before.iter().map(|row| row.get("id")).collect();

    export_of(&admin, "limit=200", before.len()).await;

    let (mut exported, mut requests, mut added) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut page = admin.get(FIRST).await;
    loop {
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "application/x-ndjson; charset=utf-8"));
        exported.extend(ids(&page));
        requests.extend(column(&page, "request_id"));
        added.extend(create_accounts(&editor, 2).await);
        let Some(path) = next(&page) else { break };
        page = admin.get(&path).await;
    }
    // The exports above have left rows themselves. Rows added after the first page are not exported.
    assert!(exported.len() >= before.len(), "{} of {}", exported.len(), before.len());
    assert_eq!(exported[..before.len()], before);
    assert_eq!(exported.iter().collect::<BTreeSet<_>>().len(), exported.len(), "a row twice");
    assert!(!requests.iter().any(|request| added.contains(request)), "a row that was added meanwhile");
}

#[tokio::test]
async fn a_late_commit_appears_in_the_next_export() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let mut client = app.database.superuser().await;
    let late = client.transaction().await.unwrap();
    late.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
    create_accounts(&editor, 2).await;
    assert_eq!(ids(&admin.get("/admin/audit/export?action=account.create").await).len(), 0);
    late.commit().await.unwrap();
    assert_eq!(ids(&export_of(&admin, "action=account.create", 2).await).len(), 2);
}

#[tokio::test]
async fn an_export_accepts_the_lists_filters_and_is_audited() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let created = admin.post("/accounts", &json!({"name": "a"})).await;
    admin.post("/accounts", &json!({"name": "b"})).await;
    let exported = export_of(&admin, &format!("account_id={}", created.text_at("id")), 1).await;
    assert_eq!(column(&exported, "request_id"), [created.header("x-request-id")]);
    assert_eq!(next(&exported), None);
    let audited = admin.get(&format!("/admin/audit?request_id={}", exported.header("x-request-id"))).await;
    assert_eq!(audited.body["items"][0]["action"], "audit.export");
    for query in ["format=xml", "limit=0", "limit=201", "colour=red", "cursor=x", "from=yesterday"] {
        let rejected = admin.get(&format!("/admin/audit/export?{query}")).await;
        assert_eq!(rejected.outcome(), "400 validation_failed", "{query}");
    }
    // A cursor is valid for the same filters only.
    export_of(&admin, "", 2).await;
    let path = next(&admin.get("/admin/audit/export?limit=1").await).unwrap();
    assert_eq!(admin.get(&format!("{path}&status=200")).await.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn callers_cannot_inject_formulas_into_a_spreadsheet() {
    let app = TestApp::start().await;
    let mut request = app.credentials(Tenant::Acme, Role::Viewer);
    request["password"] = "wrong".into();
    let agents = ["=HYPERLINK(\"http://evil.example\",\"x\")", "+1", "-1", "@SUM(1)", "'quoted", "plain, with a comma"];
    for (at, agent) in agents.into_iter().enumerate() {
        let client = app.anonymous().from_address(&format!("198.51.100.{at}"));
        let login = client.request(http::Method::POST, "/auth/login").header("content-type", "application/json");
        let mut login = login.body(axum::body::Body::from(request.to_string())).unwrap();
        login.headers_mut().insert("user-agent", agent.parse().unwrap());
        client.send_request(login).await;
    }
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let export = export_of(&admin, "format=csv&status=401", 7).await;
    assert_eq!(export.header("content-type"), "text/csv; header=present; charset=utf-8");
    for line in export.text.lines().skip(1) {
        for cell in line.split(',') {
            assert!(!cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
}
