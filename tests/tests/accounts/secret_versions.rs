//! Versions of a secret: consecutive under concurrency, limited in number, and restorable.

use futures_util::future::join_all;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Builder, Tenant, TestApp};
use holdfast_tests::client::Client;
use serde_json::{Value, json};

/// Starts the application with an editor, and the path of a secret that does not exist yet.
async fn start_with(builder: Builder) -> (TestApp, Client, String) {
    let (app, editor) = builder.start_as(Tenant::Acme, Role::Editor).await;
    let path = format!("{}/secrets/token", editor.create_account().await);
    (app, editor, path)
}

async fn start() -> (TestApp, Client, String) {
    start_with(TestApp::builder()).await
}

async fn put_all(editor: &Client, path: &str, values: impl IntoIterator<Item = &str>) {
    for value in values {
        assert!(editor.put(path, &json!({"value": value})).await.status.is_success());
    }
}

/// Returns the number and the origin of each version, the newest first.
async fn history(editor: &Client, path: &str) -> Vec<(i64, Value)> {
    let versions = editor.get(&format!("{path}/versions?limit=200")).await;
    versions.items().iter().map(|item| (item["version"].as_i64().unwrap(), item["restored_from"].clone())).collect()
}

#[tokio::test]
async fn fifty_concurrent_puts_create_fifty_consecutive_versions() {
    let (_app, editor, path) = start().await;
    let responses = join_all((0..50).map(|at| {
        let (editor, path) = (editor.clone(), path.clone());
        async move { editor.put(&path, &json!({"value": format!("value {at}")})).await }
    }))
    .await;
    let mut versions: Vec<i64> = responses.iter().map(|response| response.body["version"].as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=50).collect::<Vec<_>>());
    assert_eq!(responses.iter().filter(|response| response.status == 201).count(), 1);
    // Each version has the value of the request that returned its number.
    for (at, response) in responses.iter().enumerate() {
        let shown = editor.get(&format!("{path}/value?version={}", response.body["version"])).await;
        assert_eq!(shown.body["value"], format!("value {at}"));
    }
}

#[tokio::test]
async fn one_of_fifty_concurrent_changes_of_a_version_succeeds() {
    let (_app, editor, path) = start().await;
    put_all(&editor, &path, ["first"]).await;
    let responses = join_all((0..50).map(|at| {
        let (holder, path) = (editor.clone().with_header("if-match", "\"1\""), path.clone());
        async move { holder.put(&path, &json!({"value": format!("value {at}")})).await }
    }))
    .await;
    let won: Vec<_> = responses.iter().enumerate().filter(|(_, response)| response.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(responses.iter().filter(|response| response.outcome() == "412 precondition_failed").count(), 49);
    assert_eq!(editor.get(&format!("{path}/value")).await.body["value"], format!("value {}", won[0].0));
    assert_eq!(history(&editor, &path).await.len(), 2);
}

#[tokio::test]
async fn preconditions_require_absence_presence_or_a_version() {
    let (_app, editor, path) = start().await;
    let put = |header: &'static str, value: &'static str| {
        let (editor, path) = (editor.clone().with_header(header, value), path.clone());
        async move { editor.put(&path, &json!({"value": "v"})).await.outcome() }
    };
    assert_eq!(put("if-match", "*").await, "412 precondition_failed");
    assert_eq!(put("if-match", "\"1\"").await, "412 precondition_failed");
    assert_eq!(put("if-none-match", "\"1\"").await, "400 invalid_request");
    assert_eq!(editor.get(&path).await.outcome(), "404 not_found");
    assert_eq!(put("if-none-match", "*").await, "201");
    assert_eq!(put("if-none-match", "*").await, "412 precondition_failed");
    assert_eq!(put("if-match", "*").await, "200");
    assert_eq!(put("if-match", "\"1\"").await, "412 precondition_failed");
    assert_eq!(put("if-match", "\"1\", \"2\"").await, "200");
    let stale = editor.clone().with_header("if-match", "\"2\"");
    assert_eq!(stale.post_empty(&format!("{path}/versions/1/restore")).await.outcome(), "412 precondition_failed");
    assert_eq!(stale.delete(&path).await.outcome(), "412 precondition_failed");
    let both = editor.clone().with_header("if-match", "\"3\"").with_header("if-none-match", "*");
    assert_eq!(both.put(&path, &json!({"value": "v"})).await.outcome(), "400 invalid_request");
    assert_eq!(editor.with_header("if-match", "\"3\"").delete(&path).await.status, 204);
}

#[tokio::test]
async fn restoring_creates_a_new_version_with_the_old_value() {
    let (_app, editor, path) = start().await;
    put_all(&editor, &path, ["one", "two", "three"]).await;
    editor.put(&path, &json!({"value_base64": "AP8="})).await;
    for (version, field, value) in [(1, "value", "one"), (4, "value_base64", "AP8="), (5, "value", "one")] {
        let restored = editor.post_empty(&format!("{path}/versions/{version}/restore")).await;
        let now = restored.body["version"].as_i64().unwrap();
        assert_eq!((restored.status.as_u16(), restored.header("etag")), (200, &*format!("\"{now}\"")), "{restored:?}");
        assert_eq!(editor.get(&format!("{path}/value")).await.body[field], value);
    }
    let expected: Vec<(i64, Value)> = vec![
        (7, json!(5)),
        (6, json!(4)),
        (5, json!(1)),
        (4, Value::Null),
        (3, Value::Null),
        (2, Value::Null),
        (1, Value::Null),
    ];
    assert_eq!(history(&editor, &path).await, expected);
    for version in ["8", "0", "-1", "x", "9223372036854775808"] {
        let outcome = editor.post_empty(&format!("{path}/versions/{version}/restore")).await.outcome();
        assert_eq!(outcome, "404 not_found", "{version}");
    }
}

#[tokio::test]
async fn a_version_sealed_under_a_retired_key_is_restored_under_the_new_one() {
    let (app, editor, path) = start().await;
    put_all(&editor, &path, ["one", "two"]).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let operator = operator.in_tenant(&app.tenant_id(Tenant::Acme).await);
    let rotated = operator.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    assert_eq!((rotated.status.as_u16(), rotated.text_at("id"), rotated.text_at("state")), (201, "v2", "active"));

    let restored = editor.post_empty(&format!("{path}/versions/1/restore")).await;
    assert_eq!((restored.status.as_u16(), restored.text_at("key_id")), (200, "v2"), "{restored:?}");
    assert_eq!(editor.get(&format!("{path}/value")).await.body["value"], "one");
    assert_eq!(editor.get(&format!("{path}/value?version=2")).await.body["value"], "two");
    assert_eq!(history(&editor, &path).await[0], (3, json!(1)));
    let audit = app.sign_in(Tenant::Acme, Role::Admin).await.get("/admin/audit?action=secret.restore").await;
    assert_eq!(audit.items().len(), 1, "one row, in spite of the retry: {audit:?}");
}

#[tokio::test]
async fn nothing_is_sealed_under_a_key_that_another_instance_retired() {
    let (app, editor, path) = start().await;
    put_all(&editor, &path, ["one"]).await;
    app.database.execute("UPDATE vault_keys SET state = 'retiring'").await;
    let set = editor.put(&path, &json!({"value": "two"})).await;
    assert_eq!((set.text_at("key_id"), set.body["version"].as_i64()), ("v2", Some(2)), "{set:?}");
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let audit = admin.get("/admin/audit?action=secret.put").await;
    assert_eq!(audit.items().len(), 2, "a row for each PUT: {audit:?}");
}

#[tokio::test]
async fn versions_beyond_the_limit_are_deleted() {
    let (_app, editor, path) = start_with(TestApp::builder().setting("SECRET_VERSIONS", "3")).await;
    put_all(&editor, &path, ["1", "2", "3", "4", "5"]).await;
    let kept: Vec<i64> = history(&editor, &path).await.into_iter().map(|(version, _)| version).collect();
    assert_eq!(kept, [5, 4, 3]);
    assert_eq!(editor.get(&format!("{path}/value?version=2")).await.outcome(), "404 not_found");
    assert_eq!(editor.post_empty(&format!("{path}/versions/3/restore")).await.status, 200);
    assert_eq!(editor.get(&format!("{path}/value")).await.body["value"], "3");
}

#[tokio::test]
async fn the_version_history_is_paged_from_the_newest() {
    let (_app, editor, path) = start().await;
    put_all(&editor, &path, ["1", "2", "3", "4", "5"]).await;
    let first = editor.get(&format!("{path}/versions?limit=2")).await;
    // A version that is created meanwhile is on no later page, and moves nothing.
    put_all(&editor, &path, ["6"]).await;
    let mut seen: Vec<i64> = Vec::new();
    let mut page = first;
    loop {
        seen.extend(page.items().iter().map(|item| item["version"].as_i64().unwrap()));
        let Some(cursor) = page.next_cursor() else { break };
        page = editor.get(&format!("{path}/versions?limit=2&cursor={cursor}")).await;
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}
