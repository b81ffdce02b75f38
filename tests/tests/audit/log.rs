//! The rows of the audit log: their contents, their filters, and that no function can change them.

use holdfast_shared::db::LOGINS;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::secrets::unique;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

async fn rows(admin: &Client, query: &str) -> Vec<Value> {
    let response = admin.get(&format!("/admin/audit?limit=200&{query}")).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.items().to_vec()
}

#[tokio::test]
async fn a_creation_leaves_one_row_with_actor_action_and_target() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let created = editor.post("/accounts", &json!({"name": "Blue", "owner": "ops", "metadata": {}})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = rows(&admin, &format!("request_id={}", created.header("x-request-id"))).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["targets"]["account_id"], created.body["id"]);
    // The row's time is the database's, which comes after the request began.
    assert!(found[0]["at"].as_str() >= created.body["created_at"].as_str(), "{found:?}");
    assert_json_snapshot!(found[0], {
        ".id" => "[id]", ".at" => "[time]", ".request_id" => "[id]", ".tenant_id" => "[id]", ".actor.id" => "[id]",
        ".session_id" => "[id]", ".targets.account_id" => "[id]",
    }, @r#"
    {
      "action": "account.create",
      "actor": {
        "id": "[id]",
        "kind": "user",
        "name": "editor"
      },
      "at": "[time]",
      "changed": [
        "name",
        "owner"
      ],
      "id": "[id]",
      "method": "POST",
      "path": "/accounts",
      "reason": null,
      "request_id": "[id]",
      "role": "editor",
      "session_id": "[id]",
      "source_ip": "203.0.113.7",
      "status": 201,
      "targets": {
        "account_id": "[id]"
      },
      "tenant_id": "[id]",
      "user_agent": "holdfast-tests"
    }
    "#);
}

#[tokio::test]
async fn every_success_and_every_rejection_leaves_exactly_one_row() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let path = editor.post("/accounts", &json!({"name": "a"})).await.header("location").to_owned();
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = "wrong".into();
    for (response, action) in [
        (editor.patch(&path, &json!({"owner": "o"})).await, "account.update"),
        (editor.post("/accounts", &json!({"name": "a"})).await, "account.create"),
        (editor.post("/accounts", &json!({"nom": "a"})).await, "account.create"),
        (viewer.post("/accounts", &json!({"name": "b"})).await, "account.create"),
        (viewer.get("/admin/audit").await, "audit.list"),
        (viewer.get("/accounts/01900000-0000-7000-8000-000000000000").await, "account.read"),
        (viewer.clone().with_header("x-tenant-id", "other").get("/accounts").await, "account.list"),
        (editor.delete(&path).await, "account.delete"),
        (editor.post_empty(&format!("{path}/restore")).await, "account.restore"),
        (viewer.post("/auth/refresh", &json!({"refresh_token": viewer.refresh_token})).await, "auth.refresh"),
        (viewer.post("/auth/login", &app.credentials(Tenant::Acme, Role::Viewer)).await, "auth.login"),
        (viewer.post("/auth/login", &wrong).await, "auth.login"),
        (editor.post_empty("/auth/logout").await, "auth.logout"),
        (admin.get("/admin/audit").await, "audit.list"),
    ] {
        let found = rows(&admin, &format!("request_id={}", response.header("x-request-id"))).await;
        let recorded: Vec<_> =
            found.iter().map(|row| (row["action"].as_str().unwrap(), row["status"].as_u64().unwrap())).collect();
        assert_eq!(recorded, [(action, u64::from(response.status.as_u16()))], "{response:?}");
        if !response.status.is_success() {
            assert_eq!(found[0]["changed"], json!([]), "a rejection changes nothing");
        }
    }
}

#[tokio::test]
async fn rejections_of_unknown_callers_belong_to_the_platform_and_are_aggregated() {
    let app = TestApp::start().await;
    let rejected = app.anonymous().with_token("eyJhbGciOiJub25lIn0.e30.").get("/accounts").await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let first = format!("request_id={}", rejected.header("x-request-id"));
    assert_eq!(rows(&operator, &first).await, [] as [Value; 0]);
    app.clock.advance(180);
    Sealing::of(&app).seal(&app).await;
    let found = rows(&operator, &first).await;
    assert_eq!(found.len(), 1);
    assert_json_snapshot!(found[0], {
        ".id" => "[id]", ".at" => "[time]", ".request_id" => "[id]", ".targets.minute" => "[time]",
    }, @r#"
    {
      "action": "account.list",
      "actor": {
        "id": null,
        "kind": "anonymous",
        "name": null
      },
      "at": "[time]",
      "changed": [],
      "id": "[id]",
      "method": "GET",
      "path": "/accounts",
      "reason": null,
      "request_id": "[id]",
      "role": null,
      "session_id": null,
      "source_ip": "203.0.113.0/24",
      "status": 401,
      "targets": {
        "addresses": [
          "203.0.113.7"
        ],
        "minute": "[time]",
        "rejections": 1
      },
      "tenant_id": null,
      "user_agent": "holdfast-tests"
    }
    "#);
}

#[tokio::test]
async fn plain_reads_are_audited_only_on_request() {
    for (setting, expected) in [("false", 0), ("true", 1)] {
        let app = TestApp::builder().setting("AUDIT_READS", setting);
        let (app, viewer) = app.start_as(Tenant::Acme, Role::Viewer).await;
        let read = viewer.get("/accounts").await;
        let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
        let found = rows(&admin, &format!("request_id={}", read.header("x-request-id"))).await;
        assert_eq!(found.len(), expected, "AUDIT_READS={setting}");
    }
}

#[tokio::test]
async fn rows_are_listed_newest_first_without_gaps_between_pages() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for at in 0..7 {
        editor.post("/accounts", &json!({"name": format!("n{at}")})).await;
    }
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let all = rows(&admin, "action=account.create").await;
    let times: Vec<_> = all.iter().map(|row| row["at"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted_by(|newer, older| newer > older), "{times:?}");

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/admin/audit?action=account.create&limit=3{cursor}")).await;
        paged.extend(page.items().to_vec());
        let Some(next) = page.next_cursor() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn rows_are_found_by_each_filter() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let created = editor.post("/accounts", &json!({"name": "a"})).await;
    editor.post("/accounts", &json!({"name": "a"})).await;
    let (id, at) = (created.text_at("id"), created.text_at("created_at"));
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let me = editor.get("/auth/whoami").await.text_at("subject").to_owned();
    for (query, expected) in [
        (format!("account_id={id}"), 1),
        ("action=account.create".to_owned(), 2),
        ("action=account.create&status=409".to_owned(), 1),
        (format!("actor={me}&action=account.create"), 2),
        ("path=/accounts".to_owned(), 2),
        (format!("from={at}&action=account.create"), 2),
        (format!("to={at}&action=account.create"), 0),
        ("status=503".to_owned(), 0),
    ] {
        assert_eq!(rows(&admin, &query).await.len(), expected, "{query}");
    }
    for query in ["from=yesterday", "actor=editor", "status=ok", "account_id=1", "colour=red"] {
        assert_eq!(admin.get(&format!("/admin/audit?{query}")).await.outcome(), "400 validation_failed", "{query}");
    }
}

#[tokio::test]
async fn the_source_address_comes_from_the_gateway_and_never_from_a_header() {
    let app = TestApp::start().await;
    let forged = app.sign_in(Tenant::Acme, Role::Editor).await.from_address("198.51.100.1");
    let forged = forged
        .with_header("x-forwarded-for", "10.0.0.1")
        .with_header("forwarded", "for=10.0.0.1")
        .with_header("x-real-ip", "10.0.0.1");
    let created = forged.post("/accounts", &json!({"name": "a"})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = rows(&admin, &format!("request_id={}", created.header("x-request-id"))).await;
    assert_eq!(found[0]["source_ip"], "198.51.100.1");
}

#[tokio::test]
async fn a_change_that_cannot_be_audited_does_not_happen() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    app.database.execute("ALTER TABLE http_audit_log ADD CHECK (action <> 'account.create')").await;
    assert_eq!(editor.post("/accounts", &json!({"name": "a"})).await.outcome(), "500 internal");
    assert_eq!(app.database.count("SELECT count(*) FROM accounts").await, 0);
}

#[tokio::test]
async fn no_functions_role_can_change_the_log() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Editor).await;
    // Backup reads every partition.
    for login in LOGINS.iter().filter(|login| login.function != "backup") {
        let client = app.database.login(login.function).await;
        client
            .batch_execute("SELECT set_config('holdfast.tenant', (SELECT id::text FROM tenants LIMIT 1), false)")
            .await
            .ok();
        for sql in [
            "UPDATE http_audit_log SET status = 200",
            "DELETE FROM http_audit_log",
            "TRUNCATE http_audit_log",
            "DROP TABLE http_audit_log",
            "ALTER TABLE http_audit_log DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE http_audit_log NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE http_audit_log DETACH PARTITION http_audit_log_rest",
            "CREATE TABLE mine (id int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
            "SELECT count(*) FROM http_audit_log_rest",
            "SET ROLE holdfast_definer",
        ] {
            let rejected = client.batch_execute(sql).await.expect_err(sql);
            let code = rejected.as_db_error().unwrap().code().code().to_owned();
            assert_eq!(code, "42501", "{sql}: {rejected:?}");
        }
    }
}

#[tokio::test]
async fn each_row_is_copied_to_the_configured_file() {
    let folder = std::env::temp_dir().join(format!("holdfast-{}", unique()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("audit.jsonl");
    let app = TestApp::builder().setting("AUDIT_LOG_PATH", file.display().to_string());
    let (_app, editor) = app.start_as(Tenant::Acme, Role::Editor).await;
    editor.post("/accounts", &json!({"name": "a"})).await;
    editor.get("/admin/audit").await;
    let text = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {} {}", row["action"].as_str().unwrap(), row["status"], row["actor"]["name"]))
        .collect();
    assert_eq!(rows, ["auth.login 200 \"editor\"", "account.create 201 \"editor\"", "audit.list 403 \"editor\""]);
    std::fs::remove_dir_all(&folder).unwrap();
}
