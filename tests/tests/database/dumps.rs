//! The dump of a test's database, which the harness searches for secrets, is complete.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::leaks;
use holdfast_tests::secrets::unique;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_dump_of_a_dropped_database_has_all_rows_but_no_plaintext() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let (name, value) = (unique(), unique());
    let created = editor.create("/accounts", &json!({"name": name})).await;
    let path = format!("{}/secrets/token", created.header("location"));
    assert_eq!(editor.put(&path, &json!({"value": value})).await.status, 201);
    let dump = app.database.dump_file();
    drop((editor, app));

    let folder = tempfile::tempdir().unwrap();
    let found = |secret: &str| {
        std::fs::write(folder.path().join(leaks::SECRETS), secret).unwrap();
        leaks::find(folder.path(), std::slice::from_ref(&dump)).unwrap().len()
    };
    assert!(found(&name) > 0, "the dump holds the account's name");
    assert_eq!(found(&value), 0, "the dump holds a plaintext");
}
