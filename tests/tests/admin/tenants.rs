//! The administration of tenants, by operators.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Reply};
use holdfast_tests::secrets;
use insta::assert_json_snapshot;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const PLATFORM: &str = "/admin/tenants/00000000-0000-0000-0000-000000000000";

async fn start() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    (app, operator)
}

async fn path_of(app: &TestApp, tenant: Tenant) -> String {
    format!("/admin/tenants/{}", app.tenant_id(tenant).await)
}

fn slugs(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap()).collect()
}

async fn login(app: &TestApp, tenant: &str, username: &str, password: &str) -> Reply {
    let request = json!({"tenant": tenant, "username": username, "password": password});
    app.anonymous().post("/auth/login", &request).await
}

#[tokio::test]
async fn a_new_tenant_comes_with_its_quotas_and_its_first_admin() {
    let (app, operator) = start().await;
    let password = secrets::random();
    let new = json!({
        "slug": "blue", "name": "Blue Ltd", "quotas": {"accounts": 10, "users": null},
        "admin": {"username": "Ada", "password": password.expose_secret()},
    });
    let made = operator.post("/admin/tenants", &new).await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""), "{made:?}");
    assert_json_snapshot!(made.body, {".id" => "[id]", ".admin.id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
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
    let read = operator.get(made.header("location")).await;
    let mut expected = made.body.clone();
    expected.as_object_mut().unwrap().remove("admin");
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &expected, "\"1\""));

    let tokens = login(&app, "blue", "ada", password.expose_secret()).await;
    let admin = app.anonymous().with_tokens(&tokens.body);
    let users = admin.get("/admin/users").await;
    assert_eq!(users.body["items"][0]["id"], made.body["admin"]["id"]);
    assert_eq!(users.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_password_that_was_made_for_the_admin_is_shown_once_and_the_row_is_the_platforms() {
    let (app, operator) = start().await;
    let new = json!({"slug": "blue", "name": "Blue", "admin": {"username": "ada"}});
    let made = operator.post("/admin/tenants", &new).await;
    let password = made.body["admin"]["password"].as_str().unwrap();
    secrets::keep(password);
    assert!(password.len() >= 20, "{made:?}");
    assert_eq!(login(&app, "blue", "ada", password).await.status, 200);

    let rows = operator.get(&format!("/admin/audit?request_id={}", made.header("x-request-id"))).await;
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
async fn a_creation_repeated_under_its_key_makes_one_tenant() {
    let (_app, operator) = start().await;
    let operator = operator.with_header("idempotency-key", "once");
    let new = json!({"slug": "blue", "name": "Blue", "admin": {"username": "ada"}});
    let (first, second) = (operator.post("/admin/tenants", &new).await, operator.post("/admin/tenants", &new).await);
    secrets::keep(first.body["admin"]["password"].as_str().unwrap());
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!((&second.body, second.header("idempotency-replayed")), (&first.body, "true"));
}

#[tokio::test]
async fn a_slug_is_taken_by_one_tenant_and_nothing_is_left_of_a_refused_one() {
    let (app, operator) = start().await;
    for slug in ["acme", "platform"] {
        let new = json!({"slug": slug, "name": "Again", "quotas": {"users": 5}, "admin": {"username": "intruder"}});
        assert_eq!(operator.post("/admin/tenants", &new).await.outcome(), "409 conflict");
    }
    let sql = "SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM tenant_quotas), (SELECT count(*) FROM users WHERE username = 'intruder')";
    let row = app.database.superuser().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (3, 0, 0));
}

#[tokio::test]
async fn what_is_no_tenant_is_refused_and_the_field_is_named() {
    let (_app, operator) = start().await;
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
        let reply = operator.post("/admin/tenants", &new).await;
        let named = reply.body["errors"][0]["field"].as_str();
        assert_eq!((reply.outcome().as_str(), named), ("400 validation_failed", Some(field)), "{change}");
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let (app, operator) = start().await;
    let path = path_of(&app, Tenant::Acme).await;
    for (patch, field, value) in [
        (json!({"name": "Acme Incorporated"}), "/name", json!("Acme Incorporated")),
        (json!({"quotas": {"users": 9}}), "/quotas/users", json!(9)),
        (json!({"quotas": {"accounts": 3, "users": 8}}), "/quotas/accounts", json!(3)),
        (json!({"quotas": {"accounts": null}}), "/quotas/accounts", Value::Null),
        (json!({"status": "suspended"}), "/status", json!("suspended")),
        (json!({"quotas": {}}), "/status", json!("suspended")),
    ] {
        let before = operator.get(&path).await.body;
        let reply = operator.patch(&path, &patch).await;
        let mut expected = before.clone();
        *expected.pointer_mut(field).unwrap() = value;
        expected["version"] = json!(before["version"].as_i64().unwrap() + 1);
        expected["updated_at"] = reply.body["updated_at"].clone();
        if patch["quotas"]["users"] == 8 {
            expected["quotas"]["users"] = json!(8);
        }
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &expected), "{patch}");
        assert_eq!(operator.get(&path).await.body, expected);
    }
    for patch in [json!({}), json!({"slug": "other"}), json!({"name": null}), json!({"quotas": {"users": "many"}})] {
        assert_eq!(operator.patch(&path, &patch).await.outcome(), "400 validation_failed", "{patch}");
    }
}

#[tokio::test]
async fn a_version_that_has_passed_is_not_changed() {
    let (app, operator) = start().await;
    let path = path_of(&app, Tenant::Acme).await;
    let first = operator.clone().with_header("if-match", "\"1\"");
    assert_eq!(first.patch(&path, &json!({"quotas": {"users": 9}})).await.header("etag"), "\"2\"");
    assert_eq!(first.patch(&path, &json!({"quotas": {"users": 1}})).await.outcome(), "412 precondition_failed");
    assert_eq!(operator.get(&path).await.body["quotas"]["users"], 9);
}

#[tokio::test]
async fn the_platform_itself_is_no_tenant() {
    let (app, operator) = start().await;
    assert_eq!(slugs(&operator.get("/admin/tenants").await.body), ["acme", "globex"]);
    assert_eq!(operator.get(PLATFORM).await.outcome(), "404 not_found");
    assert_eq!(operator.patch(PLATFORM, &json!({"status": "suspended"})).await.outcome(), "404 not_found");
    let nobodys = format!("/admin/tenants/{}", secrets::unique());
    assert_eq!(operator.patch(&nobodys, &json!({"name": "x"})).await.outcome(), "404 not_found");
    app.sign_in(Tenant::Platform, Role::Operator).await;
}

#[tokio::test]
async fn the_principals_of_a_suspended_tenant_are_refused_at_once_until_it_is_active_again() {
    let (app, operator) = start().await;
    let path = path_of(&app, Tenant::Acme).await;
    let (viewer, admin) = (app.sign_in(Tenant::Acme, Role::Viewer).await, app.sign_in(Tenant::Acme, Role::Admin).await);
    let token = admin.post("/auth/tokens", &json!({"name": "t", "scopes": ["accounts:read"]})).await;
    secrets::keep(token.text_at("token"));
    let program = app.anonymous().with_token(token.text_at("token"));
    assert_eq!(program.get("/accounts").await.status, 200);

    assert_eq!(operator.patch(&path, &json!({"status": "suspended"})).await.status, 200);
    for client in [&viewer, &admin, &program] {
        assert_eq!(client.get("/accounts").await.outcome(), "401 unauthenticated");
    }
    let refresh = json!({"refresh_token": viewer.refresh_token});
    assert_eq!(viewer.post("/auth/refresh", &refresh).await.outcome(), "401 unauthenticated");
    let credentials = app.credentials(Tenant::Acme, Role::Viewer);
    assert_eq!(app.anonymous().post("/auth/login", &credentials).await.outcome(), "401 invalid_credentials");
    assert_eq!(app.sign_in(Tenant::Globex, Role::Viewer).await.get("/accounts").await.status, 200);

    operator.patch(&path, &json!({"status": "active"})).await;
    for client in [&viewer, &admin, &program] {
        assert_eq!(client.get("/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let (_app, operator) = start().await;
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
        assert_eq!(slugs(&operator.get(&format!("/admin/tenants?{query}")).await.body), expected, "{query}");
    }
    let page = operator.get("/admin/tenants?limit=3").await;
    let next = operator.get(&format!("/admin/tenants?limit=3&cursor={}", page.text_at("next_cursor"))).await;
    assert_eq!((slugs(&page.body).len(), slugs(&next.body)), (3, vec!["blue-two", "red"]));
}

#[tokio::test]
async fn a_tenants_own_transaction_locks_the_tenants_row_and_cannot_change_it() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.tenant_id(Tenant::Acme).await, app.tenant_id(Tenant::Globex).await);
    let client = app.database.as_app().await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&acme]).await.unwrap();
    for (id, locked) in [(&acme, 1), (&globex, 0)] {
        let lock = format!("SELECT FROM tenants WHERE id = '{id}' FOR UPDATE");
        assert_eq!(client.query(&lock, &[]).await.unwrap().len(), locked);
    }
    let refused = client.batch_execute(&format!("UPDATE tenants SET name = 'x' WHERE id = '{acme}'")).await;
    assert_eq!(refused.unwrap_err().as_db_error().unwrap().code().code(), "42501");
    let others = format!("UPDATE tenants SET name = 'x' WHERE id = '{globex}'");
    assert_eq!(client.execute(&others, &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn only_an_operator_on_the_platform_changes_tenants_whatever_the_route() {
    let app = TestApp::start().await;
    let acme = app.tenant_id(Tenant::Acme).await;
    let client = app.database.as_app().await;
    let change = format!("SELECT change_tenant('{acme}', NULL, 'x', NULL, '{{\"users\": 1}}', now())");
    let nil = uuid::Uuid::nil().to_string();
    for (tenant, role) in [(&nil, "admin"), (&acme, "operator"), (&acme, "admin")] {
        let actor = json!({"role": role}).to_string();
        let set = "SELECT set_config('holdfast.tenant', $1, false), set_config('holdfast.actor', $2, false), set_config('holdfast.rejection', '', false)";
        client.query_one(set, &[tenant, &actor]).await.unwrap();
        let verdict: Option<String> = client.query_one(&change, &[]).await.unwrap().get(0);
        assert_eq!(verdict.as_deref(), Some("forbidden"), "{tenant} {role}");
        client.execute(&format!("SELECT set_quotas('{acme}', '{{\"users\": 1}}')"), &[]).await.unwrap();
    }
    let sql = "SELECT count(*) FROM tenant_quotas";
    assert_eq!(app.database.superuser().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0);
}
