//! Rotation of a tenant's data key: sealed values are re-encrypted under the new key while requests read and write them.

use holdfast_maintenance::{Done, Outcome, Reencrypted, Task};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;
use serde_json::json;

const UNDER: &str = "SELECT count(*) FROM secret_versions WHERE key_version = $1";

struct Stage {
    app: TestApp,
    sealing: Sealing,
    editor: Client,
    operator: Client,
    secrets: String,
}

impl Stage {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let sealing = Sealing::of(&app);
        let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
        let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
        let secrets = format!("{}/secrets", editor.create_account().await);
        Self { app, sealing, editor, operator, secrets }
    }

    async fn put(&self, name: &str, value: &str) {
        let path = format!("{}/{name}", self.secrets);
        assert!(self.editor.put(&path, &json!({"value": value})).await.status.is_success());
    }

    async fn revealed(&self, name: &str, version: i64) -> String {
        let path = format!("{}/{name}/value?version={version}", self.secrets);
        self.editor.get(&path).await.text_at("value").to_owned()
    }

    /// Rotates Acme's data key as an operator.
    async fn rotate(&self) {
        let operator = self.operator.clone().in_tenant(&self.app.tenant_id(Tenant::Acme).await);
        assert_eq!(operator.post("/admin/keys/rotate", &json!({"kind": "vault"})).await.status, 201);
    }

    async fn reencrypt(&self) -> Result<Reencrypted, String> {
        match self.sealing.run(&self.app, Task::Reencrypt).await {
            Outcome::Done(Done::Reencrypt(done)) => Ok(done),
            Outcome::Failed { error } => Err(error),
            other => panic!("{other:?}"),
        }
    }

    async fn under(&self, key_version: i32) -> i64 {
        self.app.database.value(UNDER, &[&key_version]).await
    }

    /// Returns the states of Acme's data keys.
    async fn states(&self) -> Vec<String> {
        let operator = self.operator.clone().in_tenant(&self.app.tenant_id(Tenant::Acme).await);
        let keys = operator.get("/admin/keys").await;
        let keys = keys.items().iter().filter(|key| key["kind"] == "vault");
        keys.map(|key| format!("{} {}", key["id"].as_str().unwrap(), key["state"].as_str().unwrap())).collect()
    }
}

#[tokio::test]
async fn every_version_of_every_secret_moves_to_the_new_key_unchanged() {
    let stage = Stage::new().await;
    for at in 0..30 {
        for version in 1..=4 {
            stage.put(&format!("s{at}"), &format!("value {version} of {at}")).await;
        }
    }
    let user = stage.app.sign_in(Tenant::Acme, Role::Viewer).await;
    let enrolled = user.post("/auth/mfa/totp", &stage.app.own_password()).await;
    stage.rotate().await;
    stage.put("s0", "sealed after").await;
    assert_eq!((stage.under(1).await, stage.under(2).await), (120, 1));
    assert_eq!(stage.states().await, ["v1 retiring", "totp-v1 retiring", "v2 active"]);

    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 121, retired: 0, unfinished: false }));
    assert_eq!((stage.under(1).await, stage.under(2).await), (0, 121));
    for at in 0..30 {
        for version in 1..=4 {
            assert_eq!(stage.revealed(&format!("s{at}"), version).await, format!("value {version} of {at}"));
        }
    }
    let code = holdfast_tests::sample::code(
        enrolled.text_at("secret"),
        holdfast_shared::clock::Clock::now(&*stage.app.clock),
        0,
    );
    assert_eq!(user.post("/auth/mfa/totp/confirm", &json!({"code": code})).await.status, 204);

    // The old keys are retired when no instance can have them in its cache.
    stage.app.clock.advance(11 * 60);
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 0, retired: 2, unfinished: false }));
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted::default()));
}

#[tokio::test]
async fn maintenance_creates_new_keys_for_tenants_that_seal_nothing() {
    let stage = Stage::new().await;
    stage.put("a", "of acme").await;
    let rotated = stage.operator.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    assert_eq!((rotated.status.as_u16(), rotated.text_at("id")), (201, "next"));
    assert_eq!(stage.reencrypt().await.unwrap().values, 1);
    assert_eq!((stage.under(1).await, stage.under(2).await), (0, 1));
    assert_eq!(stage.revealed("a", 1).await, "of acme");
    assert_eq!(stage.states().await, ["v1 retiring", "v2 active"]);
}

#[tokio::test]
async fn requests_succeed_and_nothing_is_lost_during_reencryption() {
    let stage = Stage::new().await;
    for at in 0..20 {
        stage.put(&format!("s{at}"), "first").await;
    }
    for round in 1..=5 {
        stage.rotate().await;
        let work = async {
            for at in 0..20 {
                stage.put(&format!("s{at}"), &format!("round {round}")).await;
                assert_eq!(stage.revealed(&format!("s{at}"), 1).await, "first");
                let restore = format!("{}/s{at}/versions/1/restore", stage.secrets);
                assert_eq!(stage.editor.post_empty(&restore).await.status, 200);
            }
        };
        let (moved, ()) = tokio::join!(stage.reencrypt(), work);
        moved.unwrap();
    }
    stage.reencrypt().await.unwrap();
    assert_eq!(stage.under(6).await, 20 * 11);
    for at in 0..20 {
        for round in 1..=5 {
            assert_eq!(stage.revealed(&format!("s{at}"), 2 * round).await, format!("round {round}"));
            assert_eq!(stage.revealed(&format!("s{at}"), 2 * round + 1).await, "first");
        }
    }
}

#[tokio::test]
async fn a_run_out_of_time_leaves_the_rest_to_the_next_run() {
    let mut stage = Stage::new().await;
    for at in 0..3 {
        stage.put(&format!("s{at}"), "value").await;
    }
    stage.rotate().await;
    let usual = std::mem::replace(&mut stage.sealing.plan.time_limit, std::time::Duration::ZERO);
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 0, retired: 0, unfinished: true }));
    stage.sealing.plan.time_limit = usual;
    assert_eq!(stage.reencrypt().await.unwrap().values, 3);
}

#[tokio::test]
async fn a_value_that_does_not_open_stays_unchanged_and_fails_the_run() {
    let stage = Stage::new().await;
    for at in 0..3 {
        stage.put(&format!("s{at}"), "value").await;
    }
    stage.app.database.execute("UPDATE secret_versions SET binding_tag = sha256('') WHERE name = 's1'").await;
    stage.rotate().await;
    stage.app.clock.advance(11 * 60);
    let error = stage.reencrypt().await.unwrap_err();
    assert_eq!(error, "ALARM: 1 sealed values do not open and stay under their retired key; the log names them");
    assert_eq!((stage.under(1).await, stage.under(2).await), (1, 2));
    let retiring = "SELECT count(*) FROM vault_keys WHERE state = 'retiring'";
    assert_eq!(stage.app.database.count(retiring).await, 1, "the key is still needed");
}
