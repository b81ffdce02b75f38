//! Rotating a tenant's data key: what was sealed under the old one is sealed anew, while others read, write and delete it.

use holdfast_maintenance::{Done, Outcome, Reencrypted, Task};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::secrets::unique;
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
        let made = editor.post("/accounts", &json!({"name": unique()})).await;
        let secrets = format!("{}/secrets", made.header("location"));
        Self { app, sealing, editor, operator, secrets }
    }

    async fn set(&self, name: &str, value: &str) {
        let path = format!("{}/{name}", self.secrets);
        assert!(self.editor.put(&path, &json!({"value": value})).await.status.is_success());
    }

    async fn shown(&self, name: &str, version: i64) -> String {
        let path = format!("{}/{name}/value?version={version}", self.secrets);
        self.editor.get(&path).await.text_at("value").to_owned()
    }

    /// Acme's data key, rotated by an operator.
    async fn rotate(&self) {
        let operator = self.operator.clone().with_header("x-tenant-id", &self.app.tenant_id(Tenant::Acme).await);
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
        self.app.database.superuser().await.query_one(UNDER, &[&key_version]).await.unwrap().get(0)
    }

    /// The states of Acme's data keys.
    async fn states(&self) -> Vec<String> {
        let operator = self.operator.clone().with_header("x-tenant-id", &self.app.tenant_id(Tenant::Acme).await);
        let keys = operator.get("/admin/keys").await;
        let keys = keys.body["items"].as_array().unwrap().iter().filter(|key| key["kind"] == "vault");
        keys.map(|key| format!("{} {}", key["id"].as_str().unwrap(), key["state"].as_str().unwrap())).collect()
    }
}

#[tokio::test]
async fn every_version_of_every_secret_moves_to_the_new_key_and_is_what_it_was() {
    let stage = Stage::new().await;
    for at in 0..30 {
        for version in 1..=4 {
            stage.set(&format!("s{at}"), &format!("value {version} of {at}")).await;
        }
    }
    let user = stage.app.sign_in(Tenant::Acme, Role::Viewer).await;
    let enrolled = user.act("/auth/mfa/totp").await;
    stage.rotate().await;
    stage.set("s0", "sealed after").await;
    assert_eq!((stage.under(1).await, stage.under(2).await), (120, 1));
    assert_eq!(stage.states().await, ["v1 retiring", "v2 active"]);

    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 121, retired: 0, unfinished: false }));
    assert_eq!((stage.under(1).await, stage.under(2).await), (0, 121));
    for at in 0..30 {
        for version in 1..=4 {
            assert_eq!(stage.shown(&format!("s{at}"), version).await, format!("value {version} of {at}"));
        }
    }
    let code = holdfast_tests::sample::code(
        enrolled.text_at("secret"),
        holdfast_shared::clock::Clock::now(&*stage.app.clock),
        0,
    );
    assert_eq!(user.post("/auth/mfa/totp/confirm", &json!({"code": code})).await.status, 204);

    // The old key is done with once no instance can have it in mind any more.
    stage.app.clock.advance(11 * 60);
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 0, retired: 1, unfinished: false }));
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted::default()));
}

#[tokio::test]
async fn all_tenants_keys_rotate_and_those_who_seal_nothing_get_their_new_key_from_maintenance() {
    let stage = Stage::new().await;
    stage.set("a", "of acme").await;
    let rotated = stage.operator.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    assert_eq!((rotated.status.as_u16(), rotated.text_at("id")), (201, "next"));
    assert_eq!(stage.reencrypt().await.unwrap().values, 1);
    assert_eq!((stage.under(1).await, stage.under(2).await), (0, 1));
    assert_eq!(stage.shown("a", 1).await, "of acme");
    assert_eq!(stage.states().await, ["v1 retiring", "v2 active"]);
}

#[tokio::test]
async fn nobody_waits_and_nothing_is_lost_while_values_move() {
    let stage = Stage::new().await;
    for at in 0..20 {
        stage.set(&format!("s{at}"), "first").await;
    }
    for round in 1..=5 {
        stage.rotate().await;
        let work = async {
            for at in 0..20 {
                stage.set(&format!("s{at}"), &format!("round {round}")).await;
                assert_eq!(stage.shown(&format!("s{at}"), 1).await, "first");
                let restore = format!("{}/s{at}/versions/1/restore", stage.secrets);
                assert_eq!(stage.editor.act(&restore).await.status, 200);
            }
        };
        let (moved, ()) = tokio::join!(stage.reencrypt(), work);
        moved.unwrap();
    }
    stage.reencrypt().await.unwrap();
    assert_eq!(stage.under(6).await, 20 * 11);
    for at in 0..20 {
        for round in 1..=5 {
            assert_eq!(stage.shown(&format!("s{at}"), 2 * round).await, format!("round {round}"));
            assert_eq!(stage.shown(&format!("s{at}"), 2 * round + 1).await, "first");
        }
    }
}

#[tokio::test]
async fn a_run_whose_time_is_over_leaves_the_rest_to_the_next_one() {
    let mut stage = Stage::new().await;
    for at in 0..3 {
        stage.set(&format!("s{at}"), "value").await;
    }
    stage.rotate().await;
    let usual = std::mem::replace(&mut stage.sealing.plan.time_limit, std::time::Duration::ZERO);
    assert_eq!(stage.reencrypt().await, Ok(Reencrypted { values: 0, retired: 0, unfinished: true }));
    stage.sealing.plan.time_limit = usual;
    assert_eq!(stage.reencrypt().await.unwrap().values, 3);
}

#[tokio::test]
async fn what_does_not_open_stays_as_it_is_and_makes_the_run_fail() {
    let stage = Stage::new().await;
    for at in 0..3 {
        stage.set(&format!("s{at}"), "value").await;
    }
    let superuser = stage.app.database.superuser().await;
    superuser.batch_execute("UPDATE secret_versions SET stamp = sha256('') WHERE name = 's1'").await.unwrap();
    stage.rotate().await;
    stage.app.clock.advance(11 * 60);
    let error = stage.reencrypt().await.unwrap_err();
    assert_eq!(error, "ALARM: 1 sealed values do not open and stay under their retired key; the log names them");
    assert_eq!((stage.under(1).await, stage.under(2).await), (1, 2));
    let sealed = "SELECT count(*) FROM vault_keys WHERE state = 'retiring'";
    assert_eq!(superuser.query_one(sealed, &[]).await.unwrap().get::<_, i64>(0), 1, "the key is still needed");
}
