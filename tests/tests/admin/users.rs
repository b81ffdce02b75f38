//! The administration of users: their life cycle, and which administrators see them.

use futures_util::future::join_all;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets;
use holdfast_tests::users::{create_user, login, operator_in, own_path};
use insta::assert_json_snapshot;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

#[tokio::test]
async fn a_created_user_reads_back_as_returned_and_can_sign_in() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let password = secrets::random();
    let new = json!({"username": "Ada", "role": "editor", "password": password.expose_secret()});
    let created = admin.post("/admin/users", &new).await;
    assert_eq!((created.status.as_u16(), created.header("etag")), (201, "\"1\""));
    assert_json_snapshot!(created.body, {".id" => "[id]", ".tenant_id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
    {
      "created_at": "[time]",
      "id": "[id]",
      "mfa": false,
      "role": "editor",
      "status": "active",
      "tenant_id": "[id]",
      "updated_at": "[time]",
      "username": "Ada",
      "version": 1
    }
    "#);
    let read = admin.get(created.header("location")).await;
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &created.body, "\"1\""));
    assert_eq!(login(&app, Tenant::Acme, "ada", password.expose_secret()).await.status, 200);
}

#[tokio::test]
async fn a_generated_password_is_returned_once_and_never_recorded() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let created = admin.post("/admin/users", &json!({"username": "ada", "role": "viewer"})).await;
    let password = created.text_at("password").to_owned();
    secrets::keep(&password);
    assert!(password.len() >= 20 && password.chars().all(|letter| letter.is_ascii_alphanumeric()), "{created:?}");
    assert_eq!(login(&app, Tenant::Acme, "ada", &password).await.status, 200);
    assert!(admin.get(created.header("location")).await.body.get("password").is_none());

    let rows = format!("SELECT count(*) FROM http_audit_log l WHERE l::text LIKE '%{password}%'");
    assert_eq!(app.database.count(&rows).await, 0);
    let row = admin.get(&format!("/admin/audit?request_id={}", created.header("x-request-id"))).await;
    let row = &row.body["items"][0];
    assert_eq!((&row["targets"]["user_id"], &row["changed"]), (&created.body["id"], &json!(["username", "role"])));
}

#[tokio::test]
async fn a_repeated_creation_returns_the_same_password() {
    let (_app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let admin = admin.with_header("idempotency-key", "once");
    let new = json!({"username": "ada", "role": "viewer"});
    let (first, second) = (admin.post("/admin/users", &new).await, admin.post("/admin/users", &new).await);
    secrets::keep(first.text_at("password"));
    assert_eq!((&second.body, second.header("idempotency-replayed")), (&first.body, "true"));
}

#[tokio::test]
async fn a_username_is_unique_in_its_tenant_ignoring_case() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    create_user(&app, &admin, "Ada", Role::Viewer).await;
    let bob = create_user(&app, &admin, "bob", Role::Viewer).await;
    let again = json!({"username": "ADA", "role": "viewer"});
    assert_eq!(admin.post("/admin/users", &again).await.outcome(), "409 conflict");
    assert_eq!(admin.patch(&bob, &json!({"username": "aDa"})).await.outcome(), "409 conflict");
    assert_eq!(admin.patch(&bob, &json!({"username": "Bob"})).await.text_at("username"), "Bob");
    create_user(&app, &app.sign_in(Tenant::Globex, Role::Admin).await, "ada", Role::Viewer).await;
}

#[tokio::test]
async fn one_of_twenty_concurrent_creations_gets_the_username() {
    let (_app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let new = json!({"username": "wanted", "role": "viewer"});
    let responses = join_all((0..20).map(|_| admin.post("/admin/users", &new))).await;
    let count = |outcome: &str| responses.iter().filter(|response| response.outcome() == outcome).count();
    assert_eq!((count("201"), count("409 conflict")), (1, 19));
}

#[tokio::test]
async fn an_invalid_user_is_rejected_with_the_field() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    for (change, field) in [
        (json!({"username": ""}), "username"),
        (json!({"username": "a".repeat(129)}), "username"),
        (json!({"username": " ada"}), "username"),
        (json!({"username": "a:b"}), "username"),
        (json!({"username": "a\u{7}b"}), "username"),
        (json!({"role": "owner"}), "role"),
        (json!({"role": "operator"}), "role"),
        (json!({"status": "gone"}), "status"),
        (json!({"password": "eleven char"}), "password"),
        (json!({"password": "Password12345!"}), "password"),
        (json!({"username": "somebody else", "password": "Somebody Else"}), "password"),
        (json!({"tenant_id": null}), "tenant_id"),
    ] {
        let mut new = json!({"username": "ada", "role": "viewer"});
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let response = admin.post("/admin/users", &new).await;
        let named = response.body["errors"][0]["field"].as_str();
        assert_eq!((response.outcome().as_str(), named), ("400 validation_failed", Some(field)), "{change}");
    }
    let path = create_user(&app, &admin, "bob", Role::Viewer).await;
    for change in [json!({}), json!({"role": "operator"}), json!({"password": "short"}), json!({"mfa": false})] {
        assert_eq!(admin.patch(&path, &change).await.outcome(), "400 validation_failed", "{change}");
    }
}

#[tokio::test]
async fn operators_and_only_they_belong_to_the_platform() {
    let app = TestApp::start().await;
    let platform = app.sign_in(Tenant::Platform, Role::Operator).await;
    for role in [Role::Viewer, Role::Editor, Role::Admin] {
        let response = platform.post("/admin/users", &json!({"username": "x", "role": role})).await;
        assert_eq!(response.body["errors"][0]["field"], "role");
    }
    let second = create_user(&app, &platform, "second", Role::Operator).await;
    assert_eq!(platform.get(&second).await.body["tenant_id"], Value::Null);
    assert_eq!(platform.get("/admin/users").await.each("username"), ["operator", "second"]);
    app.sign_in_as(Tenant::Platform, "second").await;
}

#[tokio::test]
async fn an_operator_administers_the_tenant_in_the_header() {
    let app = TestApp::start().await;
    let operator = operator_in(&app, Tenant::Acme).await;
    let response = operator.post("/admin/users", &json!({"username": "x", "role": "operator"})).await;
    assert_eq!(response.body["errors"][0]["field"], "role");
    let path = create_user(&app, &operator, "ada", Role::Viewer).await;
    assert_eq!(operator.get(&path).await.text_at("tenant_id"), app.tenant_id(Tenant::Acme).await);
    assert_eq!(operator.get("/admin/users").await.each("username"), ["viewer", "editor", "admin", "sampler", "ada"]);
    assert_eq!(operator_in(&app, Tenant::Globex).await.get(&path).await.outcome(), "404 not_found");
    assert_eq!(app.sign_in(Tenant::Platform, Role::Operator).await.delete(&path).await.outcome(), "404 not_found");
    assert_eq!(operator.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_user_of_another_tenant_is_not_found() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let theirs = create_user(&app, &app.sign_in(Tenant::Globex, Role::Admin).await, "ada", Role::Viewer).await;
    for response in [
        admin.get(&theirs).await,
        admin.patch(&theirs, &json!({"role": "editor"})).await,
        admin.delete(&theirs).await,
        admin.post_empty(&format!("{theirs}/revoke")).await,
    ] {
        assert_eq!(response.outcome(), "404 not_found");
    }
    app.sign_in_as(Tenant::Globex, "ada").await;
}

#[tokio::test]
async fn a_patch_changes_only_the_named_fields() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    for (field, value) in [("username", "eve"), ("role", "admin"), ("status", "suspended"), ("status", "active")] {
        let before = admin.get(&path).await.body;
        let response = admin.patch(&path, &json!({field: value})).await;
        let mut expected = before.clone();
        expected[field] = json!(value);
        expected["version"] = json!(before["version"].as_i64().unwrap() + 1);
        expected["updated_at"] = response.body["updated_at"].clone();
        assert_eq!((response.status.as_u16(), &response.body), (200, &expected), "{field}");
        assert_eq!(response.header("etag"), format!("\"{}\"", expected["version"]));
    }
}

#[tokio::test]
async fn a_stale_version_is_neither_changed_nor_deleted() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    let first = admin.clone().with_header("if-match", "\"1\"");
    assert_eq!(first.patch(&path, &json!({"role": "editor"})).await.status, 200);
    assert_eq!(first.patch(&path, &json!({"role": "viewer"})).await.outcome(), "412 precondition_failed");
    assert_eq!(first.delete(&path).await.outcome(), "412 precondition_failed");
    assert_eq!(admin.get(&path).await.text_at("role"), "editor");
    assert_eq!(admin.with_header("if-match", "\"2\"").delete(&path).await.status, 204);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    for (name, role) in [("Ann", Role::Editor), ("anton", Role::Admin), ("a_n", Role::Viewer)] {
        create_user(&app, &admin, name, role).await;
    }
    let anton = admin.get("/admin/users?q=ANT").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("/admin/users/{anton}"), &json!({"status": "suspended"})).await;
    for (query, expected) in [
        ("", vec!["viewer", "editor", "admin", "sampler", "Ann", "anton", "a_n"]),
        ("q=an", vec!["Ann", "anton"]),
        ("q=a_", vec!["a_n"]),
        ("q=%25", vec![]),
        ("role=admin", vec!["admin", "anton"]),
        ("role=admin&status=active", vec!["admin"]),
        ("status=suspended", vec!["anton"]),
        ("role=operator", vec![]),
    ] {
        assert_eq!(admin.get(&format!("/admin/users?{query}")).await.each("username"), expected, "{query}");
    }
    let page = admin.get("/admin/users?limit=5").await;
    let next = admin.get(&format!("/admin/users?limit=5&cursor={}", page.text_at("next_cursor"))).await;
    assert_eq!((page.items().len(), next.each("username")), (5, vec!["anton", "a_n"]));
    assert_eq!(next.body["next_cursor"], Value::Null);
    assert_eq!(admin.get("/admin/users?role=owner").await.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn confirmed_totp_is_shown_as_mfa() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = own_path(&admin).await;
    for (confirmed, mfa) in [("NULL", false), ("now()", true)] {
        let sql = format!(
            "INSERT INTO totp_secrets (user_id, tenant_id, sealed, key_version, created_at, confirmed_at)
             SELECT id, tenant_id, '\\x00', 1, now(), {confirmed} FROM users WHERE id = '{}'
             ON CONFLICT (user_id) DO UPDATE SET confirmed_at = excluded.confirmed_at",
            path.rsplit('/').next().unwrap()
        );
        app.database.execute(&sql).await;
        assert_eq!(admin.get(&path).await.body["mfa"], mfa);
    }
}
