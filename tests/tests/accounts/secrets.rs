//! The life cycle of a secret: put, read, revealed, deleted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::secrets::unique;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// Starts the application with an editor, and the path of the secrets of a new account.
async fn start() -> (TestApp, Client, String) {
    let (app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let secrets = secrets_of_a_new_account(&editor).await;
    (app, editor, secrets)
}

async fn secrets_of_a_new_account(editor: &Client) -> String {
    format!("{}/secrets", editor.create_account().await)
}

fn account_of(secrets: &str) -> &str {
    secrets.strip_suffix("/secrets").unwrap()
}

async fn put(editor: &Client, path: &str, value: &str) -> Response {
    editor.put(path, &json!({"value": value})).await
}

async fn reveal(editor: &Client, path: &str) -> Value {
    editor.get(&format!("{path}/value")).await.body["value"].clone()
}

#[tokio::test]
async fn each_put_of_a_secret_creates_its_next_version() {
    let (_app, editor, secrets) = start().await;
    let path = format!("{secrets}/TOKEN");
    let created = put(&editor, &path, "first value").await;
    assert_eq!((created.status.as_u16(), created.header("etag")), (201, "\"1\""));
    assert_json_snapshot!(created.body, {".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
    {
      "created_at": "[time]",
      "key_id": "v1",
      "name": "TOKEN",
      "updated_at": "[time]",
      "version": 1
    }
    "#);
    let changed = put(&editor, &path, "second value").await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""));
    assert_eq!(changed.body["created_at"], created.body["created_at"]);
    assert!(changed.text_at("updated_at") > created.text_at("updated_at"));
    let read = editor.get(&path).await;
    assert_eq!((&read.body, read.header("etag")), (&changed.body, "\"2\""));
    let shown = editor.get(&format!("{path}/value")).await;
    assert_eq!(shown.body, json!({"name": "TOKEN", "version": 2, "value": "second value"}));
    let earlier = editor.get(&format!("{path}/value?version=1")).await;
    assert_eq!(earlier.body, json!({"name": "TOKEN", "version": 1, "value": "first value"}));
    for (version, outcome) in [
        ("3", "404 not_found"),
        ("0", "400 validation_failed"),
        ("-1", "400 validation_failed"),
        ("x", "400 validation_failed"),
        ("9223372036854775808", "400 validation_failed"),
    ] {
        assert_eq!(editor.get(&format!("{path}/value?version={version}")).await.outcome(), outcome, "{version}");
    }
}

#[tokio::test]
async fn a_value_is_revealed_byte_for_byte() {
    let (_app, editor, secrets) = start().await;
    let all_of_unicode: String = ('\u{1}'..=char::MAX).collect();
    let part = |from: usize| all_of_unicode.chars().skip(from).take(16_000).collect::<String>();
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut values: Vec<Value> =
        (0..all_of_unicode.chars().count()).step_by(16_000).map(|at| json!({"value": part(at)})).collect();
    values.extend([
        json!({"value": ""}),
        json!({"value": "a".repeat(64 * 1024)}),
        json!({"value": "\u{1}".repeat(64 * 1024)}),
        json!({"value": "\u{1F512}".repeat(16 * 1024)}),
        json!({"value_base64": ""}),
        json!({"value_base64": "AA=="}),
        json!({"value_base64": STANDARD.encode("plain text as bytes")}),
        json!({"value_base64": STANDARD.encode(every_byte.repeat(256))}),
    ]);
    for (at, value) in values.iter().enumerate() {
        let path = format!("{secrets}/value{at}");
        assert_eq!(editor.put(&path, value).await.status, 201, "{at}");
        let mut shown = editor.get(&format!("{path}/value")).await.body;
        shown.as_object_mut().unwrap().retain(|field, _| field.starts_with("value"));
        assert!(shown == *value, "value {at} differs");
    }
}

#[tokio::test]
async fn an_invalid_value_is_rejected_and_leaves_no_trace() {
    let (_app, editor, secrets) = start().await;
    for (body, outcome) in [
        (json!({"value": "a".repeat(64 * 1024 + 1)}), "413 payload_too_large"),
        (json!({"value": "\u{e9}".repeat(32 * 1024 + 1)}), "413 payload_too_large"),
        (json!({"value_base64": STANDARD.encode(vec![0; 64 * 1024 + 1])}), "413 payload_too_large"),
        (json!({"value": "a".repeat(500_000)}), "413 payload_too_large"),
        (json!({"value": "a", "value_base64": "AA=="}), "400 validation_failed"),
        (json!({}), "400 validation_failed"),
        (json!({"value": null}), "400 validation_failed"),
        (json!({"value": 4711}), "400 validation_failed"),
        (json!({"value": "a\u{0}b"}), "400 invalid_request"),
        (json!({"value_base64": "no base64!"}), "400 validation_failed"),
        (json!({"value": "a", "note": "b"}), "400 validation_failed"),
    ] {
        let response = editor.put(&format!("{secrets}/x"), &body).await;
        assert_eq!(response.outcome(), outcome, "{response:?}");
        assert!(!response.text.contains("4711"), "an error repeats the value");
    }
    for name in ["9a", "_a", "a%20b", "a%2Fb", "%C3%A9", "a%00", &"a".repeat(129)] {
        let path = format!("{secrets}/{name}");
        assert_eq!(put(&editor, &path, "v").await.outcome(), "400 validation_failed", "{name}");
        assert_eq!(editor.get(&path).await.outcome(), "404 not_found", "{name}");
    }
    assert_eq!(editor.get(&secrets).await.body, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn secrets_are_listed_by_name_without_their_values() {
    let (_app, editor, secrets) = start().await;
    for name in ["b", "B", "a.1", "a-1", "a_1", "a"] {
        put(&editor, &format!("{secrets}/{name}"), "a value").await;
    }
    let mut names = Vec::new();
    let mut path = format!("{secrets}?limit=4");
    loop {
        let page = editor.get(&path).await;
        assert!(!page.text.contains("value"), "{}", page.text);
        names.extend(page.each("name").into_iter().map(str::to_owned));
        let Some(cursor) = page.next_cursor() else { break };
        path = format!("{secrets}?limit=4&cursor={cursor}");
    }
    assert_eq!(names, ["B", "a", "a-1", "a.1", "a_1", "b"]);
    let nowhere = format!("/accounts/{}/secrets", unique());
    assert_eq!(editor.get(&nowhere).await.outcome(), "404 not_found");
    assert_eq!(put(&editor, &format!("{nowhere}/x"), "v").await.outcome(), "404 not_found");
}

#[tokio::test]
async fn a_deleted_secret_loses_its_versions_but_its_version_numbers_continue() {
    let (app, editor, secrets) = start().await;
    let path = format!("{secrets}/gone");
    put(&editor, &path, "one").await;
    put(&editor, &path, "two").await;
    assert_eq!(editor.delete(&path).await.status, 204);
    for gone in [path.clone(), format!("{path}/value"), format!("{path}/value?version=1"), format!("{path}/versions")] {
        assert_eq!(editor.get(&gone).await.outcome(), "404 not_found", "{gone}");
    }
    assert_eq!(editor.delete(&path).await.outcome(), "404 not_found");
    assert_eq!(editor.post_empty(&format!("{path}/versions/1/restore")).await.outcome(), "404 not_found");
    assert_eq!(app.database.count("SELECT count(*) FROM secret_versions").await, 0);

    // A client that still holds an old version must not overwrite the new secret by that version.
    let again = put(&editor, &path, "three").await;
    assert_eq!((again.status.as_u16(), again.body["version"].as_i64()), (201, Some(3)));
    let versions = editor.get(&format!("{path}/versions")).await;
    assert_eq!(versions.items().len(), 1);
}

#[tokio::test]
async fn a_suspended_account_neither_changes_nor_reveals_its_secrets() {
    let (_app, editor, secrets) = start().await;
    let path = format!("{secrets}/kept");
    put(&editor, &path, "kept safe").await;
    editor.patch(account_of(&secrets), &json!({"status": "suspended"})).await;
    let rejections = [
        put(&editor, &path, "other").await,
        put(&editor, &format!("{secrets}/new"), "other").await,
        editor.get(&format!("{path}/value")).await,
        editor.delete(&path).await,
        editor.post_empty(&format!("{path}/versions/1/restore")).await,
    ];
    for response in rejections {
        assert_eq!(response.outcome(), "409 conflict");
        assert!(response.text_at("detail").contains("suspended"));
    }
    for read in [secrets.clone(), path.clone(), format!("{path}/versions")] {
        assert_eq!(editor.get(&read).await.status, 200, "{read}");
    }
    editor.patch(account_of(&secrets), &json!({"status": "active"})).await;
    assert_eq!(reveal(&editor, &path).await, "kept safe");
}

#[tokio::test]
async fn a_restored_account_has_its_own_secrets_again() {
    let (_app, editor, secrets) = start().await;
    let other = secrets_of_a_new_account(&editor).await;
    for (secrets, value) in [(&secrets, "of the first"), (&other, "of the other")] {
        put(&editor, &format!("{secrets}/same"), value).await;
        put(&editor, &format!("{secrets}/deleted"), "gone").await;
        editor.delete(&format!("{secrets}/deleted")).await;
    }
    editor.delete(account_of(&secrets)).await;
    for path in [
        secrets.clone(),
        format!("{secrets}/same"),
        format!("{secrets}/same/value"),
        format!("{secrets}/same/versions"),
    ] {
        assert_eq!(editor.get(&path).await.outcome(), "404 not_found", "{path}");
    }
    assert_eq!(put(&editor, &format!("{secrets}/same"), "x").await.outcome(), "404 not_found");
    editor.post_empty(&format!("{}/restore", account_of(&secrets))).await;
    assert_eq!(reveal(&editor, &format!("{secrets}/same")).await, "of the first");
    assert_eq!(reveal(&editor, &format!("{other}/same")).await, "of the other");
    let listed = editor.get(&secrets).await;
    assert_eq!(listed.items().len(), 1, "{listed:?}");
}

/// The status of each kind of request by a client.
struct Rights<'a> {
    client: &'a Client,
    read: u16,
    write: u16,
    reveal: u16,
}

#[tokio::test]
async fn roles_and_scopes_decide_who_reads_writes_and_reveals() {
    let (app, editor, secrets) = start().await;
    let path = format!("{secrets}/token");
    put(&editor, &path, "a value").await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let token = |scopes: Value| {
        let (admin, app) = (&admin, &app);
        async move {
            let created = admin.post("/auth/tokens", &json!({"name": unique(), "scopes": scopes})).await;
            app.anonymous().with_token(created.text_at("token"))
        }
    };
    let (reads, writes, reveals) = (
        token(json!(["secrets:read"])).await,
        token(json!(["secrets:write"])).await,
        token(json!(["secrets:reveal"])).await,
    );
    let (anonymous, stranger) = (app.anonymous(), app.sign_in(Tenant::Globex, Role::Admin).await);
    for Rights { client, read, write, reveal } in [
        Rights { client: &viewer, read: 200, write: 403, reveal: 403 },
        Rights { client: &operator, read: 403, write: 403, reveal: 403 },
        Rights { client: &admin, read: 200, write: 200, reveal: 200 },
        Rights { client: &reads, read: 200, write: 403, reveal: 403 },
        Rights { client: &writes, read: 403, write: 200, reveal: 403 },
        Rights { client: &reveals, read: 403, write: 403, reveal: 200 },
        Rights { client: &anonymous, read: 401, write: 401, reveal: 401 },
        Rights { client: &stranger, read: 404, write: 404, reveal: 404 },
    ] {
        assert_eq!(client.get(&path).await.status, read);
        assert_eq!(put(client, &path, "another").await.status, write);
        assert_eq!(client.get(&format!("{path}/value")).await.status, reveal);
    }
}

#[tokio::test]
async fn a_quota_counts_the_secrets_of_live_accounts() {
    let (app, editor, secrets) = start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let tenant = app.tenant_path(Tenant::Acme).await;
    put(&editor, &format!("{secrets}/a"), "v").await;
    let limited = operator.patch(&tenant, &json!({"quotas": {"secrets": 2}})).await;
    assert_eq!(limited.status, 200, "{limited:?}");
    assert_eq!(put(&editor, &format!("{secrets}/a"), "w").await.status, 200);
    assert_eq!(put(&editor, &format!("{secrets}/b"), "v").await.status, 201);
    assert_eq!(put(&editor, &format!("{secrets}/c"), "v").await.outcome(), "403 quota_exceeded");
    assert_eq!(editor.get(&format!("{secrets}/c")).await.outcome(), "404 not_found");
    editor.delete(&format!("{secrets}/b")).await;
    assert_eq!(put(&editor, &format!("{secrets}/c"), "v").await.status, 201);

    // A deleted account uses no quota, and cannot be restored while others use it up.
    editor.delete(account_of(&secrets)).await;
    let other = secrets_of_a_new_account(&editor).await;
    put(&editor, &format!("{other}/x"), "v").await;
    assert_eq!(editor.post_empty(&format!("{}/restore", account_of(&secrets))).await.outcome(), "403 quota_exceeded");
    editor.delete(&format!("{other}/x")).await;
    assert_eq!(editor.post_empty(&format!("{}/restore", account_of(&secrets))).await.status, 200);
    assert_eq!(put(&editor, &format!("{other}/x"), "v").await.outcome(), "403 quota_exceeded");
}
