//! Tampering with sealed values in the database: every change is detected.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::secrets::unique;
use serde_json::json;

/// Two accounts of Acme and one of Globex, with two versions of two secrets each.
struct Stage {
    app: TestApp,
    acme: Client,
    globex: Client,
    accounts: [String; 3],
}

impl Stage {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let (acme, globex) =
            (app.sign_in(Tenant::Acme, Role::Admin).await, app.sign_in(Tenant::Globex, Role::Admin).await);
        let mut accounts = Vec::new();
        for client in [&acme, &acme, &globex] {
            let created = client.post("/accounts", &json!({"name": unique()})).await;
            for (name, value) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")] {
                let path = format!("{}/secrets/{name}", created.header("location"));
                client.put(&path, &json!({"value": format!("{name}{value} of {}", created.header("location"))})).await;
            }
            accounts.push(created.text_at("id").to_owned());
        }
        Self { app, acme, globex, accounts: accounts.try_into().unwrap() }
    }

    /// Returns the outcome of revealing the first version of Acme's first secret after these statements, and reverts them.
    async fn after(&self, statements: &str) -> String {
        let [first, second, foreign] = &self.accounts;
        let statements = statements.replace("FIRST", first).replace("SECOND", second).replace("FOREIGN", foreign);
        let superuser = self.app.database.superuser().await;
        let saved = "CREATE TABLE saved AS TABLE secret_versions; CREATE TABLE saved_keys AS TABLE vault_keys;";
        let restored = "DELETE FROM secret_versions; INSERT INTO secret_versions TABLE saved;
            DELETE FROM vault_keys; INSERT INTO vault_keys TABLE saved_keys; DROP TABLE saved, saved_keys;";
        superuser.batch_execute(saved).await.unwrap();
        superuser.batch_execute(&statements).await.unwrap();
        let shown = self.acme.get(&format!("/accounts/{first}/secrets/a/value?version=1")).await;
        superuser.batch_execute(restored).await.unwrap();
        assert!(shown.status == 200 || !shown.text.contains(" of /accounts"), "an error shows a value");
        shown.outcome()
    }
}

const TARGET: &str = "account_id = 'FIRST' AND name = 'a' AND version = 1";

#[tokio::test]
async fn a_value_copied_from_another_location_does_not_open() {
    let stage = Stage::new().await;
    let from = |source: &str| {
        format!(
            "UPDATE secret_versions t SET (sealed, binding_tag, key_version) =
               (SELECT sealed, binding_tag, key_version FROM secret_versions WHERE {source}) WHERE {TARGET}"
        )
    };
    for (source, outcome) in [
        ("account_id = 'FIRST' AND name = 'a' AND version = 1", "200"),
        ("account_id = 'FIRST' AND name = 'a' AND version = 2", "500 internal"),
        ("account_id = 'FIRST' AND name = 'b' AND version = 1", "500 internal"),
        ("account_id = 'SECOND' AND name = 'a' AND version = 1", "500 internal"),
        ("account_id = 'FOREIGN' AND name = 'a' AND version = 1", "500 internal"),
    ] {
        assert_eq!(stage.after(&from(source)).await, outcome, "{source}");
        // A sealed value does not open without its own version binding tag either.
        let sealed_alone = from(source)
            .replace("(sealed, binding_tag, key_version)", "(sealed)")
            .replace("SELECT sealed, binding_tag, key_version", "SELECT sealed");
        assert_eq!(stage.after(&sealed_alone).await, outcome, "{source}, sealed value alone");
    }
    // Another tenant's wrapped data key does not open the value either.
    let keys = "UPDATE vault_keys SET wrapped =
          (SELECT wrapped FROM vault_keys WHERE tenant_id = (SELECT tenant_id FROM accounts WHERE id = 'FOREIGN'))
        WHERE tenant_id = (SELECT tenant_id FROM accounts WHERE id = 'FIRST')";
    // The instance caches the unwrapped key for five minutes.
    stage.app.clock.advance(301);
    assert_eq!(stage.after(keys).await, "500 internal");
    stage.app.clock.advance(301);
    assert_eq!(stage.after("SELECT 1").await, "200");
}

#[tokio::test]
async fn every_flipped_bit_is_detected() {
    let stage = Stage::new().await;
    let sealed = "SELECT octet_length(sealed) FROM secret_versions
        WHERE account_id = $1::text::uuid AND name = 'a' AND version = 1";
    let length: i32 = stage.app.database.value(sealed, &[&stage.accounts[0]]).await;
    for at in 0..length {
        let flip = format!(
            "UPDATE secret_versions SET sealed = set_byte(sealed, {at}, get_byte(sealed, {at}) # 1) WHERE {TARGET}"
        );
        assert_eq!(stage.after(&flip).await, "500 internal", "byte {at}");
    }
    for at in 0..32 {
        let flip = format!(
            "UPDATE secret_versions SET binding_tag = set_byte(binding_tag, {at}, get_byte(binding_tag, {at}) # 1) WHERE {TARGET}"
        );
        assert_eq!(stage.after(&flip).await, "500 internal", "byte {at} of the version binding tag");
    }
    for broken in [
        format!("UPDATE secret_versions SET sealed = '' WHERE {TARGET}"),
        format!("UPDATE secret_versions SET sealed = substr(sealed, 1, octet_length(sealed) - 1) WHERE {TARGET}"),
        format!("UPDATE secret_versions SET sealed = sealed || '\\x00' WHERE {TARGET}"),
        format!("UPDATE secret_versions SET key_version = 2 WHERE {TARGET}"),
        "DELETE FROM vault_keys".to_owned(),
    ] {
        assert_eq!(stage.after(&broken).await, "500 internal", "{broken}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_open_is_audited_and_counted() {
    let stage = Stage::new().await;
    stage.after(&format!("UPDATE secret_versions SET binding_tag = sha256('') WHERE {TARGET}")).await;
    let alarms = stage.acme.get("/admin/audit?action=vault.open_failed").await;
    let alarm = &alarms.body["items"][0];
    assert_eq!((alarm["status"].as_i64(), &alarm["targets"]["secret"]), (Some(500), &json!("a")), "{alarms:?}");
    assert_eq!((&alarm["targets"]["version"], &alarm["targets"]["account_id"]), (&json!(1), &json!(stage.accounts[0])));
    assert_eq!(alarms.items().len(), 1);
    let failures = stage.app.apps.accounts.metrics.totals();
    assert_eq!(failures.get(r#"holdfast_vault_open_failures_total{reason="tampered"}"#), Some(&1.0), "{failures:?}");
    assert_eq!(stage.globex.get("/admin/audit?action=vault.open_failed").await.body["items"], json!([]));
}

#[tokio::test]
async fn every_reveal_is_audited_even_without_audited_reads() {
    for reads in ["false", "true"] {
        let app = TestApp::builder().setting("AUDIT_READS", reads);
        let (_app, admin) = app.start_as(Tenant::Acme, Role::Admin).await;
        let created = admin.post("/accounts", &json!({"name": "a"})).await;
        let path = format!("{}/secrets/token", created.header("location"));
        admin.put(&path, &json!({"value": "v"})).await;
        admin.get(&format!("{path}/value?version=1")).await;
        admin.get(&path).await;
        let audit = admin.get("/admin/audit?limit=3").await;
        let expected = if reads == "true" {
            ["secret.read", "secret.reveal", "secret.put"]
        } else {
            ["secret.reveal", "secret.put", "account.create"]
        };
        assert_eq!(audit.each("action"), expected);
        let put = audit.items().iter().find(|row| row["action"] == "secret.put").unwrap();
        assert_eq!((&put["changed"], put["status"].as_i64()), (&json!(["value"]), Some(201)));
        let reveal = audit.items().iter().find(|row| row["action"] == "secret.reveal").unwrap();
        assert_eq!(reveal["targets"]["version"], 1);
    }
}
