//! Quotas of a tenant: exact under concurrent requests, and under concurrent changes of the limit.

use futures_util::future::join_all;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::secrets::unique;
use serde_json::{Value, json};

/// The tenant's users from the start: one of each role, and the one that creates sample data.
const USERS: i64 = 4;

async fn start() -> (TestApp, Client, Client) {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    (app, operator, admin)
}

async fn set_quotas(app: &TestApp, operator: &Client, quotas: Value) {
    let response = operator.patch(&app.tenant_path(Tenant::Acme).await, &json!({"quotas": quotas})).await;
    assert_eq!(response.status, 200, "{response:?}");
}

async fn used(app: &TestApp, kind: &str) -> i64 {
    app.database.value("SELECT used FROM tenant_quotas WHERE kind = $1", &[&kind]).await
}

async fn live_accounts(app: &TestApp) -> i64 {
    app.database.count("SELECT count(*) FROM accounts WHERE deleted_at IS NULL").await
}

async fn post_account(admin: &Client) -> Response {
    admin.post("/accounts", &json!({"name": unique()})).await
}

fn outcomes(responses: &[Response], outcome: &str) -> usize {
    responses.iter().filter(|response| response.outcome() == outcome).count()
}

#[tokio::test]
async fn one_of_a_hundred_concurrent_creations_gets_the_last_place() {
    for (kind, path, held) in
        [("accounts", "/accounts", 0), ("users", "/admin/users", USERS), ("api_tokens", "/auth/tokens", 0)]
    {
        let (app, operator, admin) = start().await;
        let new = || match kind {
            "accounts" => json!({"name": unique()}),
            "users" => json!({"username": unique(), "role": "viewer"}),
            _ => json!({"name": unique(), "scopes": ["accounts:read"]}),
        };
        assert_eq!(admin.post(path, &new()).await.status, 201);
        set_quotas(&app, &operator, json!({kind: held + 2})).await;
        let responses = join_all((0..100).map(|_| {
            let (admin, new) = (admin.clone(), new());
            async move { admin.post(path, &new).await }
        }))
        .await;
        assert_eq!((outcomes(&responses, "201"), outcomes(&responses, "403 quota_exceeded")), (1, 99), "{kind}");
        assert_eq!(used(&app, kind).await, held + 2, "{kind}");
    }
}

#[tokio::test]
async fn deleting_releases_quota_and_restoring_reserves_it() {
    let (app, operator, admin) = start().await;
    let first = post_account(&admin).await.header("location").to_owned();
    set_quotas(&app, &operator, json!({"accounts": 1})).await;
    assert_eq!(post_account(&admin).await.outcome(), "403 quota_exceeded");
    assert_eq!(admin.delete(&first).await.status, 204);
    let second = post_account(&admin).await.header("location").to_owned();
    assert_eq!(admin.post_empty(&format!("{first}/restore")).await.outcome(), "403 quota_exceeded");
    assert_eq!(admin.get(&first).await.outcome(), "404 not_found");
    admin.delete(&second).await;
    for _ in 0..2 {
        // Restoring a live account reserves nothing.
        assert_eq!(admin.post_empty(&format!("{first}/restore")).await.status, 200);
    }
    assert_eq!((used(&app, "accounts").await, live_accounts(&app).await), (1, 1));
}

#[tokio::test]
async fn deleted_users_and_tokens_release_quota() {
    let (app, operator, admin) = start().await;
    set_quotas(&app, &operator, json!({"users": USERS + 1, "api_tokens": 1})).await;
    for (path, new) in [
        ("/admin/users", json!({"username": "ada", "role": "viewer"})),
        ("/auth/tokens", json!({"name": "ada", "scopes": ["accounts:read"]})),
    ] {
        for _ in 0..2 {
            let created = admin.post(path, &new).await;
            assert_eq!(created.status, 201, "{created:?}");
            let another = json!({"username": "eve", "role": "viewer"});
            let another = if path == "/admin/users" { &another } else { &new };
            assert_eq!(admin.post(path, another).await.outcome(), "403 quota_exceeded");
            assert_eq!(admin.delete(created.header("location")).await.status, 204);
        }
    }
    assert_eq!((used(&app, "users").await, used(&app, "api_tokens").await), (USERS, 0));
}

#[tokio::test]
async fn a_rejected_request_reserves_no_quota() {
    let (app, operator, admin) = start().await;
    let first = admin.post("/accounts", &json!({"name": "Same"})).await.header("location").to_owned();
    admin.delete(&first).await;
    assert_eq!(admin.post("/accounts", &json!({"name": "Same"})).await.status, 201);
    set_quotas(&app, &operator, json!({"accounts": 9, "users": 9})).await;
    for (path, new) in [
        ("/accounts", json!({"name": "Same"})),
        ("/admin/users", json!({"username": "ADMIN", "role": "viewer"})),
        (&format!("{first}/restore"), Value::Null),
    ] {
        let response = if new.is_null() { admin.post_empty(path).await } else { admin.post(path, &new).await };
        assert_eq!(response.outcome(), "409 conflict", "{path}");
    }
    assert_eq!(admin.clone().with_header("if-match", "\"7\"").delete(&first).await.outcome(), "404 not_found");
    assert_eq!((used(&app, "accounts").await, used(&app, "users").await), (1, USERS));
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_even_without_quota() {
    let (app, operator, admin) = start().await;
    admin.post("/accounts", &json!({"name": "Same"})).await;
    set_quotas(&app, &operator, json!({"accounts": 1})).await;
    assert_eq!(admin.post("/accounts", &json!({"name": "Same"})).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn the_losers_of_a_race_for_a_name_release_their_quota() {
    let (app, operator, admin) = start().await;
    set_quotas(&app, &operator, json!({"accounts": 100, "users": 100})).await;
    let responses =
        join_all((0..50).map(|_| async { admin.post("/accounts", &json!({"name": "Wanted"})).await })).await;
    assert_eq!((outcomes(&responses, "201"), outcomes(&responses, "409 conflict")), (1, 49));
    let new = json!({"username": "wanted", "role": "viewer"});
    let responses = join_all((0..20).map(|_| admin.post("/admin/users", &new))).await;
    assert_eq!((outcomes(&responses, "201"), outcomes(&responses, "409 conflict")), (1, 19));
    assert_eq!((used(&app, "accounts").await, used(&app, "users").await), (1, USERS + 1));
}

#[tokio::test]
async fn a_limit_below_the_usage_deletes_nothing_and_null_removes_the_limit() {
    let (app, operator, admin) = start().await;
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(post_account(&admin).await.header("location").to_owned());
    }
    set_quotas(&app, &operator, json!({"accounts": 1})).await;
    assert_eq!((used(&app, "accounts").await, live_accounts(&app).await), (3, 3));
    for path in created.iter().take(2) {
        admin.delete(path).await;
        assert_eq!(post_account(&admin).await.outcome(), "403 quota_exceeded");
    }
    set_quotas(&app, &operator, json!({"accounts": null})).await;
    assert_eq!(post_account(&admin).await.status, 201);
}

/// Begins a transaction of a function, authorized as in the middle of a request.
async fn midway(app: &TestApp, function: &str, tenant: &str, role: Role) -> tokio_postgres::Client {
    let client = app.database.login(function).await;
    client.batch_execute("BEGIN").await.unwrap();
    let authorize = "SELECT set_config('holdfast.tenant', $1, true), set_config('holdfast.actor', $2, true)";
    client.query_one(authorize, &[&tenant, &json!({"role": role}).to_string()]).await.unwrap();
    client
}

/// Runs a request until it waits for a lock.
async fn until_it_waits(app: &TestApp, request: std::pin::Pin<&mut impl Future>) {
    let client = app.database.superuser().await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>("count") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = request => panic!("the request did not wait"),
        () = waiting => {}
    }
}

#[tokio::test]
async fn a_limit_set_during_concurrent_changes_counts_exactly() {
    let insert = "INSERT INTO accounts (id, tenant_id, name, search_name, created_at, updated_at)
        VALUES (gen_random_uuid(), current_tenant(), 'new', 'new', now(), now())";
    let delete = "UPDATE accounts SET deleted_at = now()";
    for (first, then, expected) in
        [("SELECT reserve_quota('accounts')", insert, 2), ("SELECT release_quota('accounts')", delete, 0)]
    {
        let (app, operator, admin) = start().await;
        post_account(&admin).await;
        let request = midway(&app, "accounts", &app.tenant_id(Tenant::Acme).await, Role::Admin).await;
        request.batch_execute(first).await.unwrap();
        let mut setting = std::pin::pin!(set_quotas(&app, &operator, json!({"accounts": 9})));
        until_it_waits(&app, setting.as_mut()).await;
        request.batch_execute(then).await.unwrap();
        request.batch_execute("COMMIT").await.unwrap();
        setting.await;
        assert_eq!((used(&app, "accounts").await, live_accounts(&app).await), (expected, expected), "{first}");
    }
}

#[tokio::test]
async fn accounts_created_while_a_limit_is_set_count_against_it() {
    let (app, _, admin) = start().await;
    let acme = app.tenant_id(Tenant::Acme).await;
    let setting = midway(&app, "admin", &uuid::Uuid::nil().to_string(), Role::Operator).await;
    setting.batch_execute(&format!("SELECT set_quotas('{acme}', '{{\"accounts\": 1}}')")).await.unwrap();
    let mut creation = std::pin::pin!(post_account(&admin));
    until_it_waits(&app, creation.as_mut()).await;
    setting.batch_execute("COMMIT").await.unwrap();
    assert_eq!(creation.await.status, 201);
    assert_eq!(post_account(&admin).await.outcome(), "403 quota_exceeded");
    assert_eq!(used(&app, "accounts").await, 1);
}

#[tokio::test]
async fn the_quotas_of_one_tenant_do_not_affect_another() {
    let (app, operator, admin) = start().await;
    set_quotas(&app, &operator, json!({"accounts": 0})).await;
    assert_eq!(post_account(&admin).await.outcome(), "403 quota_exceeded");
    let other = app.sign_in(Tenant::Globex, Role::Admin).await;
    assert_eq!(post_account(&other).await.status, 201);
}

#[tokio::test]
async fn the_first_admin_counts_as_a_user_of_the_new_tenant() {
    let (app, operator, _) = start().await;
    let new = json!({"slug": "blue", "name": "Blue", "quotas": {"users": 2}, "admin": {"username": "ada"}});
    let created = operator.post("/admin/tenants", &new).await;
    assert_eq!(used(&app, "users").await, 1);
    let there = operator.in_tenant(created.text_at("id"));
    for (name, outcome) in [("eve", "201"), ("bob", "403 quota_exceeded")] {
        let response = there.post("/admin/users", &json!({"username": name, "role": "viewer"})).await;
        assert_eq!(response.outcome(), outcome);
    }
}
