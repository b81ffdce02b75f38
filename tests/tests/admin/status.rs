//! What administrators are told of the deployment itself.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Options, Tenant, TestApp, VAULT_KEY};
use serde_json::json;

#[tokio::test]
async fn every_administrative_role_learns_which_build_answers_over_which_schema() {
    let options = Options { settings: vec![("AUDIT_READS", "true".to_owned())], ..Options::default() };
    let app = TestApp::start_with(options).await;
    for (client, status) in [
        (app.sign_in(Tenant::Acme, Role::Admin).await, 200),
        (app.sign_in(Tenant::Platform, Role::Operator).await, 200),
        (app.sign_in(Tenant::Acme, Role::Editor).await, 403),
        (app.sign_in(Tenant::Acme, Role::Viewer).await, 403),
    ] {
        let reply = client.get("/admin/status").await;
        assert_eq!(reply.status, status);
        if status == 200 {
            assert_eq!(reply.body["version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(reply.body["schema_version"], *holdfast_shared::db::SCHEMA_VERSIONS.end());
            assert_eq!(reply.body["features"], json!(["signing_key_file", "vault_local_key", "audit_reads"]));
            let (commit, time) = (reply.text_at("commit"), reply.text_at("build_time"));
            assert!(commit == "unknown" || commit.len() == 40, "{commit}");
            assert!(time == "unknown" || time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
    }
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_sources_and_without_its_secrets() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let reply = operator.get("/admin/config").await;
    let setting =
        |name: &str| reply.body["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
    assert_eq!(
        setting("RETENTION_DAYS"),
        &json!({"name": "RETENTION_DAYS", "value": "30", "source": "default", "secret": false})
    );
    assert_eq!(
        setting("APP_ENV"),
        &json!({"name": "APP_ENV", "value": "local", "source": "environment", "secret": false})
    );
    for secret in ["DATABASE_URL", "SECRET_ENCRYPTION_KEY"] {
        assert_eq!((&setting(secret)["value"], &setting(secret)["secret"]), (&json!("[redacted]"), &json!(true)));
    }
    assert!(!reply.text.contains(VAULT_KEY) && !reply.text.contains("postgres://"), "{}", reply.text);
    assert_eq!(app.sign_in(Tenant::Acme, Role::Admin).await.get("/admin/config").await.outcome(), "403 forbidden");
}
