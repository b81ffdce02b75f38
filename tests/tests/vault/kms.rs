//! The vault over KMS, through the real SDK, against moto.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use futures_util::future::join_all;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::vault::{
    KmsKey, LocalKey, Provider, ProviderKind, Providers, Purpose, Sealed, Vault, VaultError, WrappedKey,
};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::moto::{Moto, REGION};

const CONTEXT: &[&[u8]] = &[b"account", b"name", b"1"];
const KEY: &str = "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys WHERE tenant_id = $1";

struct Fixture {
    app: TestApp,
    moto: Moto,
    arn: String,
    acme: TenantId,
    globex: TenantId,
}

impl Fixture {
    async fn new() -> Self {
        let (app, moto) = (TestApp::start().await, Moto::of_the_run().await);
        let arn = moto.vault_key().await;
        let acme = app.tenant_id(Tenant::Acme).await.parse().unwrap();
        let globex = app.tenant_id(Tenant::Globex).await.parse().unwrap();
        Self { app, moto, arn, acme, globex }
    }

    /// Returns a KMS key as a provider.
    fn kms(&self, key_id: &str) -> Provider {
        Provider::Kms(KmsKey::new(client(self.moto.url()), key_id))
    }

    /// Returns the vault of another instance, with an empty cache.
    fn vault(&self, providers: Providers) -> Vault {
        let parts = &self.app.apps.accounts;
        Vault::new(
            providers,
            parts.db.clone(),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.rng),
            Arc::clone(&parts.metrics),
        )
    }

    async fn key(&self, tenant: TenantId) -> WrappedKey {
        WrappedKey::from_row(&self.app.database.superuser().await.query_one(KEY, &[&tenant.0]).await.unwrap()).unwrap()
    }

    fn unwraps(&self) -> Option<f64> {
        self.app.apps.accounts.metrics.totals().get(r#"holdfast_vault_unwraps_total{provider="kms"}"#).copied()
    }
}

fn client(url: &str) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("AKIDOFNOBODY", "opens-nothing", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

async fn seal(vault: &Vault, tenant: TenantId) -> Sealed {
    vault.seal(tenant, Purpose::Secret, CONTEXT, b"plaintext").await.unwrap()
}

async fn open(vault: &Vault, tenant: TenantId, key: &WrappedKey, sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
    vault.open(tenant, Purpose::Secret, CONTEXT, key, &sealed.bytes).await.map(|plaintext| plaintext.to_vec())
}

#[tokio::test]
async fn another_instance_opens_fifty_values_with_one_unwrap() {
    let fixture = Fixture::new().await;
    let sealed = seal(&fixture.vault(Providers::new(fixture.kms(&fixture.arn))), fixture.acme).await;
    // The instance that generated the key has it in its cache.
    assert_eq!(fixture.unwraps(), None);

    let key = fixture.key(fixture.acme).await;
    assert_eq!((key.provider, &key.provider_key), (ProviderKind::Kms, &fixture.arn));
    let other = fixture.vault(Providers::new(fixture.kms(&fixture.arn)));
    for expected in [1.0, 2.0] {
        for opened in join_all((0..50).map(|_| open(&other, fixture.acme, &key, &sealed))).await {
            assert_eq!(opened.unwrap(), b"plaintext");
        }
        assert_eq!(fixture.unwraps(), Some(expected));
        fixture.app.clock.advance(300);
    }
}

#[tokio::test]
async fn a_data_key_requested_with_another_tenants_context_is_rejected() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault(Providers::new(fixture.kms(&fixture.arn)));
    let (acmes, globexs) = (seal(&vault, fixture.acme).await, seal(&vault, fixture.globex).await);
    let (acmes_key, globexs_key) = (fixture.key(fixture.acme).await, fixture.key(fixture.globex).await);

    let other = fixture.vault(Providers::new(fixture.kms(&fixture.arn)));
    for (tenant, key, sealed) in [(fixture.globex, &acmes_key, &acmes), (fixture.acme, &globexs_key, &globexs)] {
        assert!(matches!(open(&other, tenant, key, sealed).await, Err(VaultError::KeyRejected)));
    }
    // The rejections were not cached.
    assert_eq!(open(&other, fixture.acme, &acmes_key, &acmes).await.unwrap(), b"plaintext");
    assert_eq!(open(&other, fixture.globex, &globexs_key, &globexs).await.unwrap(), b"plaintext");
}

#[tokio::test]
async fn a_data_key_requested_for_another_purpose_is_rejected() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault(Providers::new(fixture.kms(&fixture.arn)));
    let sealed = seal(&vault, fixture.acme).await;
    let key = fixture.key(fixture.acme).await;
    let other = fixture.vault(Providers::new(fixture.kms(&fixture.arn)));
    for purpose in Purpose::STORED {
        let opened = other.open(fixture.acme, purpose, CONTEXT, &key, &sealed.bytes).await;
        match purpose {
            Purpose::Secret => assert_eq!(**opened.unwrap(), *b"plaintext"),
            _ => assert!(matches!(opened, Err(VaultError::KeyRejected)), "{purpose:?}"),
        }
    }
    // Each purpose has a data key of its own.
    for purpose in Purpose::STORED {
        vault.seal(fixture.acme, purpose, CONTEXT, b"plaintext").await.unwrap();
    }
    let keys = "SELECT count(DISTINCT wrapped) FROM vault_keys WHERE version = 1 AND tenant_id = $1";
    assert_eq!(fixture.app.database.value::<i64>(keys, &[&fixture.acme.0]).await, 3);
}

#[tokio::test]
async fn an_altered_wrapped_key_is_rejected() {
    let fixture = Fixture::new().await;
    let sealed = seal(&fixture.vault(Providers::new(fixture.kms(&fixture.arn))), fixture.acme).await;
    let key = fixture.key(fixture.acme).await;
    for at in (0..key.wrapped.len()).step_by(16) {
        let mut altered = key.clone();
        altered.wrapped[at] ^= 1;
        let opened =
            open(&fixture.vault(Providers::new(fixture.kms(&fixture.arn))), fixture.acme, &altered, &sealed).await;
        assert!(opened.is_err(), "byte {at}");
    }
    // A tampered row names another KMS key.
    let alias = fixture.vault(Providers::new(fixture.kms("alias/aws/none")));
    assert!(open(&alias, fixture.acme, &key, &sealed).await.is_err());
}

#[tokio::test]
async fn an_unconfigured_kms_key_is_not_used() {
    let fixture = Fixture::new().await;
    let sealed = seal(&fixture.vault(Providers::new(fixture.kms(&fixture.arn))), fixture.acme).await;
    let key = fixture.key(fixture.acme).await;
    let before = fixture.unwraps();
    let stranger = fixture.vault(Providers::new(fixture.kms(&fixture.moto.vault_key().await)));
    let opened = open(&stranger, fixture.acme, &key, &sealed).await;
    assert!(matches!(opened, Err(VaultError::NoProvider { provider: "kms", key }) if key == fixture.arn));
    assert_eq!(fixture.unwraps(), before);

    let claimed = WrappedKey { provider_key: fixture.moto.vault_key().await, ..key };
    let both = Providers::new(fixture.kms(&fixture.arn)).with_former(fixture.kms(&claimed.provider_key));
    assert!(open(&fixture.vault(both), fixture.acme, &claimed, &sealed).await.is_err());
}

#[tokio::test]
async fn data_keys_of_a_former_local_key_still_open_and_new_ones_come_from_kms() {
    let fixture = Fixture::new().await;
    let local = || Provider::Local(LocalKey::new(&[7; 32]).unwrap());
    let sealed = seal(&fixture.vault(Providers::new(local())), fixture.acme).await;
    let moved = fixture.vault(Providers::new(fixture.kms(&fixture.arn)).with_former(local()));
    let key = fixture.key(fixture.acme).await;
    assert_eq!(open(&moved, fixture.acme, &key, &sealed).await.unwrap(), b"plaintext");
    seal(&moved, fixture.globex).await;
    assert_eq!(fixture.key(fixture.globex).await.provider, ProviderKind::Kms);
}

#[tokio::test]
async fn an_unreachable_kms_is_retryable_and_stores_nothing() {
    let fixture = Fixture::new().await;
    let unreachable = Provider::Kms(KmsKey::new(client("http://127.0.0.1:1"), &*fixture.arn));
    let vault = fixture.vault(Providers::new(unreachable));
    let error = vault.seal(fixture.acme, Purpose::Secret, CONTEXT, b"plaintext").await.unwrap_err();
    assert!(matches!(error, VaultError::Kms(_)));
    assert_eq!(Problem::from(error).code(), Code::Unavailable);
    let found = fixture.app.database.superuser().await.query(KEY, &[&fixture.acme.0]).await.unwrap();
    assert!(found.is_empty());
}
