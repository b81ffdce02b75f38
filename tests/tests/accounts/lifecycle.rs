//! The life cycle of an account: creation, changes, deletion, restoration, and lists.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::secrets::unique;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

async fn create(editor: &Client, account: Value) -> String {
    editor.create("/accounts", &account).await.header("location").to_owned()
}

#[tokio::test]
async fn a_created_account_reads_back_as_it_was_returned() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let created =
        editor.post("/accounts", &json!({"name": "Blue Ltd", "owner": "ops@blue", "metadata": {"tier": "gold"}})).await;
    assert_eq!((created.status.as_u16(), created.header("etag")), (201, "\"1\""));
    assert_json_snapshot!(created.body, {".id" => "[id]", ".tenant_id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
    {
      "created_at": "[time]",
      "id": "[id]",
      "metadata": {
        "tier": "gold"
      },
      "name": "Blue Ltd",
      "owner": "ops@blue",
      "status": "active",
      "tenant_id": "[id]",
      "updated_at": "[time]",
      "version": 1
    }
    "#);
    let read = editor.get(created.header("location")).await;
    assert_eq!((read.status.as_u16(), &read.body, read.header("etag")), (200, &created.body, "\"1\""));
}

#[tokio::test]
async fn a_patch_changes_only_the_named_fields() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let path = create(&editor, json!({"name": "a", "owner": "o", "metadata": {"k": "v"}})).await;
    for (patch, field, value) in [
        (json!({"name": "b"}), "name", json!("b")),
        (json!({"owner": null}), "owner", Value::Null),
        (json!({"status": "suspended"}), "status", json!("suspended")),
        (json!({"metadata": {}}), "metadata", json!({})),
        (json!({"status": "active"}), "status", json!("active")),
    ] {
        let before = editor.get(&path).await.body;
        let response = editor.patch(&path, &patch).await;
        let mut expected = before.clone();
        expected[field] = value;
        expected["version"] = json!(before["version"].as_i64().unwrap() + 1);
        expected["updated_at"] = response.body["updated_at"].clone();
        assert_eq!((response.status.as_u16(), &response.body), (200, &expected), "{patch}");
        assert!(response.text_at("updated_at") > before["updated_at"].as_str().unwrap());
    }
    assert_eq!(editor.patch(&path, &json!({})).await.outcome(), "400 validation_failed");
    assert_eq!(editor.patch(&path, &json!({"name": null, "id": "x"})).await.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn an_account_name_is_unique_among_live_accounts_of_a_tenant() {
    let (app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let first = create(&editor, json!({"name": "Same"})).await;
    let other = create(&editor, json!({"name": "Other"})).await;
    assert_eq!(editor.post("/accounts", &json!({"name": "Same"})).await.outcome(), "409 conflict");
    assert_eq!(editor.patch(&other, &json!({"name": "Same"})).await.outcome(), "409 conflict");
    create(&app.sign_in(Tenant::Globex, Role::Editor).await, json!({"name": "Same"})).await;

    editor.delete(&first).await;
    create(&editor, json!({"name": "Same"})).await;
    assert_eq!(editor.post_empty(&format!("{first}/restore")).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn one_of_fifty_concurrent_creations_gets_the_name() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let request = json!({"name": "Wanted"});
    let responses = futures_util::future::join_all((0..50).map(|_| editor.post("/accounts", &request))).await;
    let won = responses.iter().filter(|response| response.status == 201).count();
    assert_eq!((won, responses.iter().filter(|response| response.outcome() == "409 conflict").count()), (1, 49));
}

#[tokio::test]
async fn one_of_fifty_concurrent_changes_of_a_version_succeeds() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let path = create(&editor, json!({"name": "a"})).await;
    let first = editor.clone().with_header("if-match", "\"1\"");
    let responses = futures_util::future::join_all((0..50).map(|at| {
        let (first, path) = (first.clone(), path.clone());
        async move { first.patch(&path, &json!({"owner": at.to_string()})).await }
    }))
    .await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 1);
    assert_eq!(responses.iter().filter(|response| response.outcome() == "412 precondition_failed").count(), 49);
    assert_eq!(editor.get(&path).await.body["version"], 2);
}

#[tokio::test]
async fn a_deleted_account_is_hidden_and_restorable_for_thirty_days() {
    let (app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let path = create(&editor, json!({"name": "a", "metadata": {"k": "v"}})).await;
    let before = editor.get(&path).await.body;
    assert_eq!(editor.delete(&path).await.status, 204);
    for response in
        [editor.get(&path).await, editor.delete(&path).await, editor.patch(&path, &json!({"owner": "x"})).await]
    {
        assert_eq!(response.outcome(), "404 not_found");
    }
    assert!(editor.get("/accounts").await.items().is_empty());

    let restored = editor.post_empty(&format!("{path}/restore")).await;
    assert_eq!((restored.status.as_u16(), &restored.body["metadata"]), (200, &before["metadata"]));
    assert_eq!(editor.get(&path).await.body, restored.body);
    // A repeat, after a lost response, changes nothing.
    assert_eq!(editor.post_empty(&format!("{path}/restore")).await.body, restored.body);

    editor.delete(&path).await;
    app.clock.advance(30 * 24 * 3600 + 1);
    let later = app.sign_in(Tenant::Acme, Role::Editor).await;
    assert_eq!(later.post_empty(&format!("{path}/restore")).await.outcome(), "404 not_found");
}

#[tokio::test]
async fn pages_cover_a_changing_list_exactly_once() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    for at in 0..25 {
        create(&editor, json!({"name": format!("n{at:02}")})).await;
    }
    let mut seen = Vec::new();
    let mut path = "/accounts?limit=10".to_owned();
    loop {
        let page = editor.get(&path).await;
        assert!(page.items().len() <= 10);
        seen.extend(page.each("name").into_iter().map(str::to_owned));
        // An earlier account is deleted, and a later one created. Neither moves the pages to come.
        editor.delete(&format!("/accounts/{}", page.items()[0]["id"].as_str().unwrap())).await;
        if seen.len() <= 20 {
            create(&editor, json!({"name": format!("late{}", seen.len())})).await;
        }
        let Some(cursor) = page.next_cursor() else { break };
        path = format!("/accounts?limit=10&cursor={cursor}");
    }
    let expected: Vec<String> =
        (0..25).map(|at| format!("n{at:02}")).chain(["late10".into(), "late20".into()]).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn pages_contain_unchanged_items_once_while_others_are_added_and_deleted() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    for at in 0..60 {
        create(&editor, json!({"name": format!("kept {at:02}"), "owner": "kept"})).await;
    }
    for list in ["/accounts?limit=7", "/accounts?limit=7&q=k", "/accounts?limit=7&owner=kept"] {
        // Accounts are created before, between and behind the pages, and deleted again.
        let change = async {
            // The names differ each time: the last accounts may remain when the reader has finished.
            loop {
                let (before, between) = (format!("k passing {}", unique()), format!("kept 3 passing {}", unique()));
                let earlier = create(&editor, json!({"name": before, "owner": "kept"})).await;
                let later = create(&editor, json!({"name": between, "owner": "kept"})).await;
                editor.delete(&earlier).await;
                editor.delete(&later).await;
            }
        };
        let read = async {
            let (mut seen, mut path) = (Vec::new(), list.to_owned());
            loop {
                let page = editor.get(&path).await;
                seen.extend(page.each("name").into_iter().map(str::to_owned));
                let Some(cursor) = page.next_cursor() else { break seen };
                path = format!("{list}&cursor={cursor}");
            }
        };
        let seen = tokio::select! { seen = read => seen, () = change => Vec::new() };
        let kept: Vec<_> = seen.iter().filter(|name| !name.contains("passing")).cloned().collect();
        assert_eq!(kept, (0..60).map(|at| format!("kept {at:02}")).collect::<Vec<_>>(), "{list}");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{list}: {seen:?}");
    }
}

#[tokio::test]
async fn lists_are_filtered_by_prefix_status_and_owner() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    for (name, owner) in
        [("Apple", Some("x")), ("apricot", None), ("Ärger", Some("y")), ("100%", None), ("a_b", Some("x"))]
    {
        create(&editor, json!({"name": name, "owner": owner})).await;
    }
    let apple = editor.get("/accounts?q=apple").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    editor.patch(&format!("/accounts/{apple}"), &json!({"status": "suspended"})).await;
    for (query, expected) in [
        ("q=AP", vec!["Apple", "apricot"]),
        ("q=%C3%A4", vec!["Ärger"]),
        ("q=100%25", vec!["100%"]),
        ("q=%25", vec![]),
        ("q=a_", vec!["a_b"]),
        ("status=suspended", vec!["Apple"]),
        ("owner=x", vec!["Apple", "a_b"]),
        ("owner=x&status=active", vec!["a_b"]),
        ("q=a&owner=x&status=active", vec!["a_b"]),
    ] {
        assert_eq!(editor.get(&format!("/accounts?{query}")).await.each("name"), expected, "{query}");
    }
    let page = editor.get("/accounts?q=a&limit=1").await;
    let next = editor.get(&format!("/accounts?q=a&limit=5&cursor={}", page.text_at("next_cursor"))).await;
    assert_eq!((page.each("name"), next.each("name")), (vec!["a_b"], vec!["Apple", "apricot"]));
}

#[tokio::test]
async fn metadata_has_limits() {
    let (_app, editor) = TestApp::start_as(Tenant::Acme, Role::Editor).await;
    let pairs = |count: usize| (0..count).map(|at| (format!("key{at}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    for (metadata, outcome) in [
        (json!(pairs(50)), "201"),
        (json!(pairs(51)), "400 validation_failed"),
        (json!({"k".repeat(64): "v".repeat(512)}), "201"),
        (json!({"k".repeat(65): "v"}), "400 validation_failed"),
        (json!({"k": "v".repeat(513)}), "400 validation_failed"),
        (json!({"k": 1}), "400 validation_failed"),
        (json!({"": "v"}), "400 validation_failed"),
        (json!([]), "400 validation_failed"),
        (json!({"emoji \u{1F9F7}": "\u{1F512}"}), "201"),
    ] {
        let name = unique();
        let response = editor.post("/accounts", &json!({"name": name, "metadata": metadata})).await;
        assert_eq!(response.outcome(), outcome, "{metadata}");
        if response.status == 201 {
            assert_eq!(editor.get(response.header("location")).await.body["metadata"], metadata);
        }
    }
}
