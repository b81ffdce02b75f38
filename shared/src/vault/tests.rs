//! The vault as its callers see it, without a database: opening needs none.

use futures_util::future::join_all;
use uuid::Uuid;

use super::provider::LocalKey;
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::config::{Needs, Settings};
use crate::identity::keys::KeyRing;
use crate::rng::SystemRng;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));
const CONTEXT: &[&[u8]] = &[b"account", b"name", b"1"];

struct Fixture {
    vault: Vault,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    key: WrappedKey,
    sealed: Vec<u8>,
}

fn config(settings: &[(&'static str, &str)]) -> Config {
    let always = [("APP_ENV", "local"), ("DATABASE_URL", "postgres://nobody:nothing@127.0.0.1:1/none")];
    let settings = always.iter().chain(settings).map(|(name, value)| (*name, (*value).to_owned()));
    Config::from_settings(&Settings::given(settings), Needs::DATABASE).unwrap()
}

/// A vault with a local key, and a value sealed by it.
fn fixture() -> Fixture {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let metrics = Arc::new(Metrics::new(Uuid::nil(), "accounts", clock.now()));
    let db = crate::app::datastore(&config(&[]), &Arc::new(KeyRing::new(None)), &metrics).unwrap();
    let local = LocalKey::new(&[7; 32]).unwrap();
    let new = local.generate(TENANT, Purpose::Secret, &SystemRng).unwrap();
    let location = VaultLocation { tenant: TENANT, purpose: Purpose::Secret, context: CONTEXT };
    let sealed = envelope::seal(&new.data_key, &location, b"plaintext", &SystemRng).unwrap();
    let (provider, provider_key, wrapped) = (ProviderKind::Local, new.provider_key, new.wrapped);
    let key = WrappedKey { version: 1, provider, provider_key, wrapped };
    let providers = Providers::new(Provider::Local(local));
    let vault = Vault::new(providers, db, Arc::clone(&clock) as _, Arc::new(SystemRng), Arc::clone(&metrics));
    Fixture { vault, clock, metrics, key, sealed }
}

impl Fixture {
    async fn open(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.vault.open(TENANT, Purpose::Secret, CONTEXT, &self.key, &self.sealed).await
    }

    fn counted(&self, series: &str) -> Option<f64> {
        self.metrics.totals().get(series).copied()
    }

    fn unwraps(&self) -> Option<f64> {
        self.counted(r#"holdfast_vault_unwraps_total{provider="local"}"#)
    }
}

#[tokio::test]
async fn fifty_concurrent_requests_unwrap_the_data_key_once_in_five_minutes() {
    let fixture = fixture();
    for expected in [1.0, 1.0, 2.0] {
        for opened in join_all((0..50).map(|_| fixture.open())).await {
            assert_eq!(**opened.unwrap(), *b"plaintext");
        }
        assert_eq!(fixture.unwraps(), Some(expected));
        fixture.clock.advance(299 / 2 + 1);
    }
}

#[tokio::test]
async fn every_value_that_does_not_open_is_counted_by_reason() {
    let fixture = fixture();
    let altered = |at: usize| {
        let mut sealed = fixture.sealed.clone();
        sealed[at] ^= 1;
        sealed
    };
    for (at, reason) in [(0, "unknown_version"), (40, "wrong_key"), (80, "tampered")] {
        let opened = fixture.vault.open(TENANT, Purpose::Secret, CONTEXT, &fixture.key, &altered(at)).await;
        assert_eq!(opened.unwrap_err().reason(), Some(reason));
        assert_eq!(fixture.counted(&format!(r#"holdfast_vault_open_failures_total{{reason="{reason}"}}"#)), Some(1.0));
    }
}

#[tokio::test]
async fn the_data_key_of_another_tenant_is_rejected() {
    let fixture = fixture();
    let opened = fixture.vault.open(OTHER, Purpose::Secret, CONTEXT, &fixture.key, &fixture.sealed).await;
    assert!(matches!(opened, Err(VaultError::KeyRejected)));
    assert_eq!(fixture.counted(r#"holdfast_vault_open_failures_total{reason="key_refused"}"#), Some(1.0));
}

#[tokio::test]
async fn a_data_key_that_no_configured_key_wrapped_is_named() {
    let mut fixture = fixture();
    fixture.key.provider_key = "another".to_owned();
    let message = fixture.open().await.unwrap_err().to_string();
    assert_eq!(message, "the data key is wrapped by local key another, which is not configured here");
}

#[tokio::test]
async fn sealing_without_a_database_fails_without_an_alarm() {
    let fixture = fixture();
    let sealed = fixture.vault.seal(TENANT, Purpose::Secret, CONTEXT, b"plaintext").await;
    assert!(matches!(sealed, Err(VaultError::Database(_))));
    assert!(!fixture.metrics.totals().keys().any(|series| series.contains("vault")));
}

#[tokio::test]
async fn the_configuration_decides_what_wraps() {
    const KEY: &str = "e4pCwZ0yQ1mJ8sXbT5rV7uGhKdLfNaMo";
    let providers = |settings: &[(&'static str, &str)]| {
        let config = config(settings);
        async move { Providers::from_config(&config).await.unwrap() }
    };
    assert!(providers(&[]).await.is_none());
    let local = providers(&[("SECRET_ENCRYPTION_KEY", KEY)]).await.unwrap();
    assert_eq!(local.current().kind(), ProviderKind::Local);

    let both = [("SECRET_ENCRYPTION_KEY", KEY), ("VAULT_KMS_KEY_ID", "new-key, arn:aws:kms:x:1:key/old-key")];
    let both = providers(&both).await.unwrap();
    assert_eq!(both.current().kind(), ProviderKind::Kms);
    let wrapped = |provider, provider_key: &str| WrappedKey {
        version: 1,
        provider,
        provider_key: provider_key.to_owned(),
        wrapped: Vec::new(),
    };
    for arn in ["arn:aws:kms:x:1:key/old-key", "arn:aws:kms:x:1:key/new-key"] {
        let Provider::Kms(found) = both.of(&wrapped(ProviderKind::Kms, arn)).unwrap() else { panic!("{arn}") };
        assert!(found.is_named(arn));
    }
    assert!(both.of(&wrapped(ProviderKind::Kms, "arn:aws:kms:x:1:key/stranger")).is_err());
    let Provider::Local(key) = local.current() else { panic!("no local key") };
    assert_eq!(both.of(&wrapped(ProviderKind::Local, key.fingerprint())).unwrap().kind(), ProviderKind::Local);
}
