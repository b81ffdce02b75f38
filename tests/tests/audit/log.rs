//! What the audit log tells, and that nobody can change it.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Options, Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::secrets::unique;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

async fn rows(admin: &Client, query: &str) -> Vec<Value> {
    let reply = admin.get(&format!("/admin/audit?limit=200&{query}")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_creation_leaves_one_row_that_tells_who_did_what_to_what() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let made = editor.post("/accounts", &json!({"name": "Blue", "owner": "ops", "metadata": {}})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = rows(&admin, &format!("request_id={}", made.header("x-request-id"))).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["targets"]["account_id"], made.body["id"]);
    assert_eq!(found[0]["at"], made.body["created_at"]);
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
async fn whatever_is_done_or_refused_leaves_exactly_one_row() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let path = editor.post("/accounts", &json!({"name": "a"})).await.header("location").to_owned();
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = "wrong".into();
    for (reply, action) in [
        (editor.patch(&path, &json!({"owner": "o"})).await, "account.update"),
        (editor.post("/accounts", &json!({"name": "a"})).await, "account.create"),
        (editor.post("/accounts", &json!({"nom": "a"})).await, "account.create"),
        (viewer.post("/accounts", &json!({"name": "b"})).await, "account.create"),
        (viewer.get("/admin/audit").await, "audit.list"),
        (viewer.get("/accounts/01900000-0000-7000-8000-000000000000").await, "account.read"),
        (viewer.clone().with_header("x-tenant-id", "other").get("/accounts").await, "account.list"),
        (editor.delete(&path).await, "account.delete"),
        (editor.act(&format!("{path}/restore")).await, "account.restore"),
        (viewer.post("/auth/refresh", &json!({"refresh_token": viewer.refresh_token})).await, "auth.refresh"),
        (viewer.post("/auth/login", &app.credentials(Tenant::Acme, Role::Viewer)).await, "auth.login"),
        (viewer.post("/auth/login", &wrong).await, "auth.login"),
        (editor.act("/auth/logout").await, "auth.logout"),
        (admin.get("/admin/audit").await, "audit.list"),
    ] {
        let found = rows(&admin, &format!("request_id={}", reply.header("x-request-id"))).await;
        let told: Vec<_> =
            found.iter().map(|row| (row["action"].as_str().unwrap(), row["status"].as_u64().unwrap())).collect();
        assert_eq!(told, [(action, u64::from(reply.status.as_u16()))], "{reply:?}");
        if !reply.status.is_success() {
            assert_eq!(found[0]["changed"], json!([]), "what was refused changed nothing");
        }
    }
}

#[tokio::test]
async fn refusals_of_unknown_callers_are_the_platforms_to_see() {
    let app = TestApp::start().await;
    let refused = app.anonymous().with_token("eyJhbGciOiJub25lIn0.e30.").get("/accounts").await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let found = rows(&operator, &format!("request_id={}", refused.header("x-request-id"))).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["status"], &found[0]["actor"]["kind"], &found[0]["tenant_id"]),
        (&json!(401), &json!("anonymous"), &Value::Null)
    );
}

#[tokio::test]
async fn plain_reads_are_told_only_where_that_is_asked_for() {
    for (setting, expected) in [("false", 0), ("true", 1)] {
        let settings = vec![("AUDIT_READS", setting.to_owned())];
        let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
        let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
        let read = viewer.get("/accounts").await;
        let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
        let found = rows(&admin, &format!("request_id={}", read.header("x-request-id"))).await;
        assert_eq!(found.len(), expected, "AUDIT_READS={setting}");
    }
}

#[tokio::test]
async fn the_newest_row_comes_first_and_pages_join_without_a_gap() {
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
        paged.extend(page.body["items"].as_array().unwrap().clone());
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn rows_are_found_by_each_filter() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let made = editor.post("/accounts", &json!({"name": "a"})).await;
    editor.post("/accounts", &json!({"name": "a"})).await;
    let (id, at) = (made.text_at("id"), made.text_at("created_at"));
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
async fn the_address_is_the_gateways_and_never_a_headers() {
    let app = TestApp::start().await;
    let forged = app.sign_in(Tenant::Acme, Role::Editor).await.from_address("198.51.100.1");
    let forged = forged
        .with_header("x-forwarded-for", "10.0.0.1")
        .with_header("forwarded", "for=10.0.0.1")
        .with_header("x-real-ip", "10.0.0.1");
    let made = forged.post("/accounts", &json!({"name": "a"})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = rows(&admin, &format!("request_id={}", made.header("x-request-id"))).await;
    assert_eq!(found[0]["source_ip"], "198.51.100.1");
}

#[tokio::test]
async fn what_could_not_be_written_down_did_not_happen() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let superuser = app.database.superuser().await;
    superuser.batch_execute("ALTER TABLE http_audit_log ADD CHECK (action <> 'account.create')").await.unwrap();
    assert_eq!(editor.post("/accounts", &json!({"name": "a"})).await.outcome(), "500 internal");
    assert_eq!(superuser.query_one("SELECT count(*) FROM accounts", &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn no_role_of_a_function_can_change_the_log() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Editor).await;
    for client in [app.database.as_app().await, app.database.as_metrics().await] {
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
            "SET ROLE holdfast_gate",
        ] {
            let refused = client.batch_execute(sql).await.expect_err(sql);
            let code = refused.as_db_error().unwrap().code().code().to_owned();
            assert_eq!(code, "42501", "{sql}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_copy_of_each_row_goes_to_the_file_that_is_named() {
    let folder = std::env::temp_dir().join(format!("holdfast-{}", unique()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("audit.jsonl");
    let settings = vec![("AUDIT_LOG_PATH", file.display().to_string())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    editor.post("/accounts", &json!({"name": "a"})).await;
    editor.get("/admin/audit").await;
    let text = std::fs::read_to_string(&file).unwrap();
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told
        .iter()
        .map(|row| format!("{} {} {}", row["action"].as_str().unwrap(), row["status"], row["actor"]["name"]))
        .collect();
    assert_eq!(told, ["auth.login 200 \"editor\"", "account.create 201 \"editor\"", "audit.list 403 \"editor\""]);
    std::fs::remove_dir_all(&folder).unwrap();
}
