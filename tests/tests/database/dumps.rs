//! What a test's database held is searched for secrets after the run; here, that there is something to search.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::leaks;
use holdfast_tests::secrets::unique;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_database_leaves_all_its_rows_and_a_plaintext_among_them_would_be_found() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let (name, value) = (unique(), unique());
    let made = editor.post("/accounts", &json!({"name": name})).await;
    let path = format!("{}/secrets/token", made.header("location"));
    assert_eq!(editor.put(&path, &json!({"value": value})).await.status, 201);
    let dump = app.database.dump_file();
    drop((editor, app));

    let folder = tempfile::tempdir().unwrap();
    let found = |secret: &str| {
        std::fs::write(folder.path().join(leaks::SECRETS), secret).unwrap();
        leaks::find(folder.path(), std::slice::from_ref(&dump)).unwrap().len()
    };
    assert!(found(&name) > 0, "the account's name stands in its row");
    assert_eq!(found(&value), 0, "the secret's value stands nowhere");
}
