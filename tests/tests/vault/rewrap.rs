//! Rewrapping of data keys with `holdfast admin vault rewrap`: sealed values stay unchanged, and open before, during and after.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Role;
use holdfast_shared::vault::{KmsKey, LocalKey, Provider, Providers, Purpose, Sealed, Vault, VaultError, WrappedKey};
use holdfast_tests::app::{Tenant, TestApp, VAULT_KEY};
use holdfast_tests::moto::{Moto, REGION};
use holdfast_tests::tools;
use serde_json::json;

const CONTEXT: &[&[u8]] = &[b"account", b"name"];
const KEY: &str = "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys WHERE tenant_id = $1";

/// Runs the command with these keys.
fn rewrap(app: &TestApp, moto: &Moto, keys: &[(&str, &str)]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.args(["admin", "vault", "rewrap"]).env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("APP_ENV", "local");
    command.envs(moto.environment()).envs(keys.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the vault of another instance.
fn vault(app: &TestApp, providers: Providers) -> Vault {
    let parts = &app.apps.accounts;
    let (db, clock, rng, metrics) = (parts.db.clone(), &parts.clock, &parts.rng, &parts.metrics);
    Vault::new(providers, db, Arc::clone(clock), Arc::clone(rng), Arc::clone(metrics))
}

fn local() -> Provider {
    Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap())
}

fn kms(moto: &Moto, arn: &str) -> Provider {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(moto.url())
        .credentials_provider(Credentials::new("AKIDOFNOBODY", "opens-nothing", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Provider::Kms(KmsKey::new(Kms::from_conf(config.build()), arn))
}

async fn open(app: &TestApp, provider: Provider, tenant: TenantId, sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
    let row = app.database.superuser().await.query_one(KEY, &[&tenant.0]).await.unwrap();
    let key = WrappedKey::from_row(&row).unwrap();
    let vault = vault(app, Providers::new(provider));
    vault.open(tenant, Purpose::Secret, CONTEXT, &key, &sealed.bytes).await.map(|plaintext| plaintext.to_vec())
}

#[tokio::test]
async fn data_keys_move_from_the_local_key_to_kms_and_on_to_another_kms_key() {
    let (app, moto) = (TestApp::start().await, Moto::of_the_run().await);
    let (first, second) = (moto.vault_key().await, moto.vault_key().await);
    let mut sealed = Vec::new();
    for tenant in [Tenant::Acme, Tenant::Globex] {
        let tenant: TenantId = app.tenant_id(tenant).await.parse().unwrap();
        let vault = vault(&app, Providers::new(local()));
        sealed.push((tenant, vault.seal(tenant, Purpose::Secret, CONTEXT, b"plaintext").await.unwrap()));
    }

    let to_kms = [("VAULT_KMS_KEY_ID", &*first), ("SECRET_ENCRYPTION_KEY", VAULT_KEY)];
    assert_eq!(stdout(&rewrap(&app, &moto, &to_kms)), "2 data keys re-wrapped, 0 already current.\n");
    assert_eq!(stdout(&rewrap(&app, &moto, &to_kms)), "0 data keys re-wrapped, 2 already current.\n");
    for (tenant, sealed) in &sealed {
        assert_eq!(open(&app, kms(&moto, &first), *tenant, sealed).await.unwrap(), b"plaintext");
        assert!(matches!(open(&app, local(), *tenant, sealed).await, Err(VaultError::NoProvider { .. })));
    }

    let both = format!("{second},{first}");
    assert_eq!(
        stdout(&rewrap(&app, &moto, &[("VAULT_KMS_KEY_ID", &both)])),
        "2 data keys re-wrapped, 0 already current.\n"
    );
    for (tenant, sealed) in &sealed {
        assert_eq!(open(&app, kms(&moto, &second), *tenant, sealed).await.unwrap(), b"plaintext");
    }
    let audit = "SELECT count(*) FROM http_audit_log WHERE action = 'key.rewrap' AND changed = '{wrapped}'";
    assert_eq!(app.database.count(audit).await, 4);
}

#[tokio::test]
async fn a_data_key_without_its_former_key_stays_unchanged_and_is_named() {
    let (app, moto) = (TestApp::start().await, Moto::of_the_run().await);
    let tenant: TenantId = app.tenant_id(Tenant::Acme).await.parse().unwrap();
    let sealed = vault(&app, Providers::new(local())).seal(tenant, Purpose::Secret, CONTEXT, b"x").await.unwrap();
    let arn = moto.vault_key().await;
    let output = rewrap(&app, &moto, &[("VAULT_KMS_KEY_ID", &arn)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).starts_with(&format!("tenant {tenant}, secret v1: the data key is wrapped by local key ")),
        "{output:?}"
    );
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("keep the former key and run the command again"),
        "{output:?}"
    );
    assert_eq!(open(&app, local(), tenant, &sealed).await.unwrap(), b"x");
}

#[tokio::test]
async fn a_new_local_key_replaces_the_former_one_without_downtime() {
    const NEW: &str = "Zq8RkT2mVbXn4LwYcH6sJdGfPa9eUo3i";
    let (app, moto) = (TestApp::start().await, Moto::of_the_run().await);
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let path = format!("{}/secrets/token", editor.create_account().await);
    editor.put(&path, &json!({"value": "sealed before"})).await;
    let moving = [("SECRET_ENCRYPTION_KEY", NEW), ("FORMER_SECRET_ENCRYPTION_KEY", VAULT_KEY)];

    // Deployed with both keys, rewrapped, deployed with the new key only.
    let settings = moving.map(|(name, key)| (name, key.to_owned()));
    let during = app.instance_with(&settings, &editor).await;
    assert_eq!(during.get(&format!("{path}/value")).await.body["value"], "sealed before");
    assert_eq!(stdout(&rewrap(&app, &moto, &moving)), "1 data keys re-wrapped, 0 already current.\n");
    let after = app.instance_with(&[("SECRET_ENCRYPTION_KEY", NEW.to_owned())], &editor).await;
    for client in [&during, &after] {
        assert_eq!(client.get(&format!("{path}/value")).await.body["value"], "sealed before");
        assert_eq!(client.put(&path, &json!({"value": "sealed before"})).await.text_at("key_id"), "v1");
    }
    let left_behind = app.instance_with(&[], &editor).await;
    assert_eq!(left_behind.get(&format!("{path}/value")).await.outcome(), "500 internal");
}
