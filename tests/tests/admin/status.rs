//! The status and the configuration of a deployment, as administrators see them.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp, VAULT_KEY};
use serde_json::json;

#[tokio::test]
async fn administrators_see_the_build_and_the_schema_version() {
    let app = TestApp::builder().setting("AUDIT_READS", "true").start().await;
    for (client, status) in [
        (app.sign_in(Tenant::Acme, Role::Admin).await, 200),
        (app.sign_in(Tenant::Platform, Role::Operator).await, 200),
        (app.sign_in(Tenant::Acme, Role::Editor).await, 403),
        (app.sign_in(Tenant::Acme, Role::Viewer).await, 403),
    ] {
        let response = client.get("/admin/status").await;
        assert_eq!(response.status, status);
        if status == 200 {
            assert_eq!(response.body["version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(response.body["schema_version"], *holdfast_shared::db::SCHEMA_VERSIONS.end());
            assert_eq!(response.body["features"], json!(["signing_key_file", "vault_local_key", "audit_reads"]));
            let (commit, time) = (response.text_at("commit"), response.text_at("build_time"));
            assert!(commit == "unknown" || commit.len() == 40, "{commit}");
            assert!(time == "unknown" || time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
    }
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_sources_and_without_its_secrets() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let response = operator.get("/admin/config").await;
    let setting = |name: &str| response.items().iter().find(|item| item["name"] == name).unwrap();
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
    assert!(!response.text.contains(VAULT_KEY) && !response.text.contains("postgres://"), "{}", response.text);
    assert_eq!(app.sign_in(Tenant::Acme, Role::Admin).await.get("/admin/config").await.outcome(), "403 forbidden");
}
