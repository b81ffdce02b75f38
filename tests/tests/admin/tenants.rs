//! The administration of tenants, by operators.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Response;
use holdfast_tests::secrets;
use insta::assert_json_snapshot;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const PLATFORM: &str = "/admin/tenants/00000000-0000-0000-0000-000000000000";

async fn login(app: &TestApp, tenant: &str, username: &str, password: &str) -> Response {
    let request = json!({"tenant": tenant, "username": username, "password": password});
    app.anonymous().post("/auth/login", &request).await
}

#[tokio::test]
async fn a_new_tenant_has_its_quotas_and_its_first_admin() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let password = secrets::random();
    let new = json!({
        "slug": "blue", "name": "Blue Ltd", "quotas": {"accounts": 10, "users": null},
        "admin": {"username": "Ada", "password": password.expose_secret()},
    });
    let created = operator.post("/admin/tenants", &new).await;
    assert_eq!((created.status.as_u16(), created.header("etag")), (201, "\"1\""), "{created:?}");
    assert_json_snapshot!(created.body, {".id" => "[id]", ".admin.id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
    {
      "admin": {
        "id": "[id]",
        "username": "Ada"
      },
      "created_at": "[time]",
      "id": "[id]",
      "name": "Blue Ltd",
      "quotas": {
        "accounts": 10,
        "api_tokens": null,
        "secrets": null,
        "users": null
      },
      "slug": "blue",
      "status": "active",
      "updated_at": "[time]",
      "version": 1
    }
    "#);
    let read = operator.get(created.header("location")).await;
    let mut expected = created.body.clone();
    expected.as_object_mut().unwrap().remove("admin");
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &expected, "\"1\""));

    let tokens = login(&app, "blue", "ada", password.expose_secret()).await;
    let admin = app.anonymous().with_tokens(&tokens.body);
    let users = admin.get("/admin/users").await;
    assert_eq!(users.body["items"][0]["id"], created.body["admin"]["id"]);
    assert_eq!(users.items().len(), 1);
}

#[tokio::test]
async fn the_first_admins_generated_password_is_returned_once_and_audited_by_the_platform() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let new = json!({"slug": "blue", "name": "Blue", "admin": {"username": "ada"}});
    let created = operator.post("/admin/tenants", &new).await;
    let password = created.body["admin"]["password"].as_str().unwrap();
    secrets::keep(password);
    assert!(password.len() >= 20, "{created:?}");
    assert_eq!(login(&app, "blue", "ada", password).await.status, 200);

    let rows = operator.get(&format!("/admin/audit?request_id={}", created.header("x-request-id"))).await;
    assert!(!rows.text.contains(password));
    assert_json_snapshot!(rows.body["items"], {
        "[].id" => "[id]", "[].at" => "[time]", "[].request_id" => "[id]", "[].actor.id" => "[id]", "[].session_id" => "[id]",
        "[].targets.tenant_id" => "[id]", "[].targets.user_id" => "[id]",
    }, @r#"
    [
      {
        "action": "tenant.create",
        "actor": {
          "id": "[id]",
          "kind": "user",
          "name": "operator"
        },
        "at": "[time]",
        "changed": [
          "slug",
          "name",
          "admin"
        ],
        "id": "[id]",
        "method": "POST",
        "path": "/admin/tenants",
        "reason": null,
        "request_id": "[id]",
        "role": "operator",
        "session_id": "[id]",
        "source_ip": "203.0.113.7",
        "status": 201,
        "targets": {
          "tenant_id": "[id]",
          "user_id": "[id]"
        },
        "tenant_id": null,
        "user_agent": "holdfast-tests"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_repeated_creation_creates_one_tenant() {
    let (_app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let operator = operator.with_header("idempotency-key", "once");
    let new = json!({"slug": "blue", "name": "Blue", "admin": {"username": "ada"}});
    let (first, second) = (operator.post("/admin/tenants", &new).await, operator.post("/admin/tenants", &new).await);
    secrets::keep(first.body["admin"]["password"].as_str().unwrap());
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!((&second.body, second.header("idempotency-replayed")), (&first.body, "true"));
}

#[tokio::test]
async fn a_slug_is_unique_and_a_rejected_creation_leaves_nothing() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    for slug in ["acme", "platform"] {
        let new = json!({"slug": slug, "name": "Again", "quotas": {"users": 5}, "admin": {"username": "intruder"}});
        assert_eq!(operator.post("/admin/tenants", &new).await.outcome(), "409 conflict");
    }
    for (count, expected) in [
        ("SELECT count(*) FROM tenants", 3),
        ("SELECT count(*) FROM tenant_quotas", 0),
        ("SELECT count(*) FROM users WHERE username = 'intruder'", 0),
    ] {
        assert_eq!(app.database.count(count).await, expected, "{count}");
    }
}

#[tokio::test]
async fn an_invalid_tenant_is_rejected_with_the_field() {
    let (_app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    for (change, field) in [
        (json!({"slug": "Blue"}), "slug"),
        (json!({"slug": "-blue"}), "slug"),
        (json!({"slug": "a".repeat(64)}), "slug"),
        (json!({"slug": ""}), "slug"),
        (json!({"name": ""}), "name"),
        (json!({"status": "gone"}), "status"),
        (json!({"quotas": {"accounts": -1}}), "quotas.accounts"),
        (json!({"quotas": {"accounts": 1.5}}), "quotas.accounts"),
        (json!({"quotas": {"accounts": 1e30}}), "quotas.accounts"),
        (json!({"quotas": {"apples": 1}}), "quotas.apples"),
        (json!({"quotas": {"users": 0}, "admin": {"username": "ada"}}), "quotas.users"),
        (json!({"admin": {"username": "a:b"}}), "admin.username"),
        (json!({"admin": {"username": "ada", "password": "short"}}), "admin.password"),
        (
            json!({"slug": "blue-and-green", "admin": {"username": "ada", "password": "Blue-And-Green"}}),
            "admin.password",
        ),
        (json!({"admin": {"username": "ada", "role": "operator"}}), "admin.role"),
        (json!({"id": "x"}), "id"),
    ] {
        let mut new = json!({"slug": "blue", "name": "Blue"});
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let response = operator.post("/admin/tenants", &new).await;
        let named = response.body["errors"][0]["field"].as_str();
        assert_eq!((response.outcome().as_str(), named), ("400 validation_failed", Some(field)), "{change}");
    }
}

#[tokio::test]
async fn a_patch_changes_only_the_named_fields() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let path = app.tenant_path(Tenant::Acme).await;
    for (patch, field, value) in [
        (json!({"name": "Acme Incorporated"}), "/name", json!("Acme Incorporated")),
        (json!({"quotas": {"users": 9}}), "/quotas/users", json!(9)),
        (json!({"quotas": {"accounts": 3, "users": 8}}), "/quotas/accounts", json!(3)),
        (json!({"quotas": {"accounts": null}}), "/quotas/accounts", Value::Null),
        (json!({"status": "suspended"}), "/status", json!("suspended")),
        (json!({"quotas": {}}), "/status", json!("suspended")),
    ] {
        let before = operator.get(&path).await.body;
        let response = operator.patch(&path, &patch).await;
        let mut expected = before.clone();
        *expected.pointer_mut(field).unwrap() = value;
        expected["version"] = json!(before["version"].as_i64().unwrap() + 1);
        expected["updated_at"] = response.body["updated_at"].clone();
        if patch["quotas"]["users"] == 8 {
            expected["quotas"]["users"] = json!(8);
        }
        assert_eq!((response.status.as_u16(), &response.body), (200, &expected), "{patch}");
        assert_eq!(operator.get(&path).await.body, expected);
    }
    for patch in [json!({}), json!({"slug": "other"}), json!({"name": null}), json!({"quotas": {"users": "many"}})] {
        assert_eq!(operator.patch(&path, &patch).await.outcome(), "400 validation_failed", "{patch}");
    }
}

#[tokio::test]
async fn a_stale_version_is_not_changed() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let path = app.tenant_path(Tenant::Acme).await;
    let first = operator.clone().with_header("if-match", "\"1\"");
    assert_eq!(first.patch(&path, &json!({"quotas": {"users": 9}})).await.header("etag"), "\"2\"");
    assert_eq!(first.patch(&path, &json!({"quotas": {"users": 1}})).await.outcome(), "412 precondition_failed");
    assert_eq!(operator.get(&path).await.body["quotas"]["users"], 9);
}

#[tokio::test]
async fn the_platform_is_not_a_tenant() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    assert_eq!(operator.get("/admin/tenants").await.each("slug"), ["acme", "globex"]);
    assert_eq!(operator.get(PLATFORM).await.outcome(), "404 not_found");
    assert_eq!(operator.patch(PLATFORM, &json!({"status": "suspended"})).await.outcome(), "404 not_found");
    let unknown = format!("/admin/tenants/{}", secrets::unique());
    assert_eq!(operator.patch(&unknown, &json!({"name": "x"})).await.outcome(), "404 not_found");
    app.sign_in(Tenant::Platform, Role::Operator).await;
}

#[tokio::test]
async fn a_suspended_tenants_principals_are_rejected_until_it_is_active_again() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let path = app.tenant_path(Tenant::Acme).await;
    let (viewer, admin) = (app.sign_in(Tenant::Acme, Role::Viewer).await, app.sign_in(Tenant::Acme, Role::Admin).await);
    let token = admin.post("/auth/tokens", &json!({"name": "t", "scopes": ["accounts:read"]})).await;
    secrets::keep(token.text_at("token"));
    let robot = app.anonymous().with_token(token.text_at("token"));
    assert_eq!(robot.get("/accounts").await.status, 200);

    assert_eq!(operator.patch(&path, &json!({"status": "suspended"})).await.status, 200);
    for client in [&viewer, &admin, &robot] {
        assert_eq!(client.get("/accounts").await.outcome(), "401 unauthenticated");
    }
    let refresh = json!({"refresh_token": viewer.refresh_token});
    assert_eq!(viewer.post("/auth/refresh", &refresh).await.outcome(), "401 unauthenticated");
    let credentials = app.credentials(Tenant::Acme, Role::Viewer);
    assert_eq!(app.anonymous().post("/auth/login", &credentials).await.outcome(), "401 invalid_credentials");
    assert_eq!(app.sign_in(Tenant::Globex, Role::Viewer).await.get("/accounts").await.status, 200);

    operator.patch(&path, &json!({"status": "active"})).await;
    for client in [&viewer, &admin, &robot] {
        assert_eq!(client.get("/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let (_app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    for slug in ["blue", "blue-two", "red"] {
        operator.post("/admin/tenants", &json!({"slug": slug, "name": slug})).await;
    }
    let red = operator.get("/admin/tenants?q=red").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    operator.patch(&format!("/admin/tenants/{red}"), &json!({"status": "suspended"})).await;
    for (query, expected) in [
        ("", vec!["acme", "globex", "blue", "blue-two", "red"]),
        ("q=blue", vec!["blue", "blue-two"]),
        ("q=_", vec![]),
        ("status=suspended", vec!["red"]),
    ] {
        assert_eq!(operator.get(&format!("/admin/tenants?{query}")).await.each("slug"), expected, "{query}");
    }
    let page = operator.get("/admin/tenants?limit=3").await;
    let next = operator.get(&format!("/admin/tenants?limit=3&cursor={}", page.text_at("next_cursor"))).await;
    assert_eq!((page.items().len(), next.each("slug")), (3, vec!["blue-two", "red"]));
}

#[tokio::test]
async fn a_tenants_transaction_can_lock_but_not_change_its_row() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.tenant_id(Tenant::Acme).await, app.tenant_id(Tenant::Globex).await);
    let client = app.database.login("admin").await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&acme]).await.unwrap();
    for (id, locked) in [(&acme, 1), (&globex, 0)] {
        let lock = format!("SELECT FROM tenants WHERE id = '{id}' FOR UPDATE");
        assert_eq!(client.query(&lock, &[]).await.unwrap().len(), locked);
    }
    let rejected = client.batch_execute(&format!("UPDATE tenants SET name = 'x' WHERE id = '{acme}'")).await;
    assert_eq!(rejected.unwrap_err().as_db_error().unwrap().code().code(), "42501");
    let others = format!("UPDATE tenants SET name = 'x' WHERE id = '{globex}'");
    assert_eq!(client.execute(&others, &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn only_operators_on_the_platform_can_change_tenants() {
    let app = TestApp::start().await;
    let acme = app.tenant_id(Tenant::Acme).await;
    let client = app.database.login("admin").await;
    let change = format!("SELECT update_tenant('{acme}', NULL, 'x', NULL, '{{\"users\": 1}}', now())");
    let nil = uuid::Uuid::nil().to_string();
    for (tenant, role) in [(&nil, "admin"), (&acme, "operator"), (&acme, "admin")] {
        let actor = json!({"role": role}).to_string();
        let set = "SELECT set_config('holdfast.tenant', $1, false), set_config('holdfast.actor', $2, false),
            set_config('holdfast.rejection', '', false)";
        client.query_one(set, &[tenant, &actor]).await.unwrap();
        let rejection: Option<String> = client.query_one(&change, &[]).await.unwrap().get(0);
        assert_eq!(rejection.as_deref(), Some("forbidden"), "{tenant} {role}");
        client.execute(&format!("SELECT set_quotas('{acme}', '{{\"users\": 1}}')"), &[]).await.unwrap();
    }
    assert_eq!(app.database.count("SELECT count(*) FROM tenant_quotas").await, 0);
}
