//! Tenants' data keys in the database: created once, cached, and readable by their tenant only.

use std::sync::Arc;

use futures_util::future::join_all;
use holdfast_shared::db::{FromRow, Sql, Statement};
use holdfast_shared::id::TenantId;
use holdfast_shared::vault::{LocalKey, Provider, Providers, Purpose, Sealed, Vault, WrappedKey};
use holdfast_tests::app::{Tenant, TestApp};

const CONTEXT: &[&[u8]] = &[b"account", b"name", b"1"];
/// Reads a data key as statements do together with a sealed value.
const KEY: &str = "SELECT version AS key_version, provider, provider_key, wrapped FROM vault_keys
    WHERE tenant_id = $1 AND version = $2";

async fn acme(app: &TestApp) -> TenantId {
    app.tenant_id(Tenant::Acme).await.parse().unwrap()
}

/// Returns the vault of another instance, with an empty cache.
fn instance(app: &TestApp) -> Vault {
    let providers = Providers::new(Provider::Local(LocalKey::new(&[7; 32]).unwrap()));
    let parts = &app.apps.accounts;
    Vault::new(
        providers,
        parts.db.clone(),
        Arc::clone(&parts.clock),
        Arc::clone(&parts.rng),
        Arc::clone(&parts.metrics),
    )
}

async fn seal(vault: &Vault, tenant: TenantId) -> Sealed {
    vault.seal(tenant, Purpose::Secret, CONTEXT, b"plaintext").await.unwrap()
}

async fn key(app: &TestApp, tenant: TenantId, version: i32) -> WrappedKey {
    let row = app.database.superuser().await.query_one(KEY, &[&tenant.0, &version]).await.unwrap();
    WrappedKey::from_row(&row).unwrap()
}

fn round_trips(app: &TestApp) -> u64 {
    let round_trips =
        app.apps.accounts.metrics.totals().get("holdfast_database_round_trips_total").copied().unwrap_or(0.0);
    format!("{round_trips}").parse().unwrap()
}

#[tokio::test]
async fn a_tenants_first_value_takes_two_round_trips_and_later_ones_none() {
    let app = TestApp::start().await;
    let (vault, tenant) = (instance(&app), acme(&app).await);
    let before = round_trips(&app);
    let first = seal(&vault, tenant).await;
    assert_eq!(round_trips(&app) - before, 2);
    join_all((0..50).map(|_| seal(&vault, tenant))).await;
    let key = key(&app, tenant, first.key_version).await;
    let opened = vault.open(tenant, Purpose::Secret, CONTEXT, &key, &first.bytes).await.unwrap();
    assert_eq!(opened.as_slice(), b"plaintext");
    assert_eq!(round_trips(&app) - before, 2);

    // Another instance reads the key in one round trip, and so does this one after five minutes.
    let other = instance(&app);
    join_all((0..50).map(|_| seal(&other, tenant))).await;
    assert_eq!(round_trips(&app) - before, 3);
    app.clock.advance(300);
    seal(&vault, tenant).await;
    assert_eq!(round_trips(&app) - before, 4);
}

#[tokio::test]
async fn instances_that_race_for_a_tenants_first_key_agree_on_one() {
    let app = TestApp::start().await;
    let tenant = acme(&app).await;
    let instances: Vec<_> = (0..8).map(|_| instance(&app)).collect();
    let sealed = join_all(instances.iter().map(|vault| seal(vault, tenant))).await;
    let count = "SELECT count(*) FROM vault_keys WHERE tenant_id = $1";
    assert_eq!(app.database.value::<i64>(count, &[&tenant.0]).await, 1);
    let key = key(&app, tenant, 1).await;
    for vault in &instances {
        for sealed in &sealed {
            assert_eq!(sealed.key_version, 1);
            vault.open(tenant, Purpose::Secret, CONTEXT, &key, &sealed.bytes).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_active_key_is_used_within_five_minutes_and_the_old_one_still_opens() {
    let app = TestApp::start().await;
    let (vault, tenant) = (instance(&app), acme(&app).await);
    let old = seal(&vault, tenant).await;
    let superuser = app.database.superuser().await;
    let retire = "UPDATE vault_keys SET state = 'retiring' WHERE tenant_id = $1";
    superuser.execute(retire, &[&tenant.0]).await.unwrap();
    assert_eq!(seal(&vault, tenant).await.key_version, 1);
    app.clock.advance(300);
    assert_eq!(seal(&vault, tenant).await.key_version, 2);
    let key = key(&app, tenant, 1).await;
    vault.open(tenant, Purpose::Secret, CONTEXT, &key, &old.bytes).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_gets_no_key() {
    let app = TestApp::start().await;
    let nobody = TenantId(app.apps.accounts.rng.uuid(app.apps.accounts.clock.now()));
    assert!(instance(&app).seal(nobody, Purpose::Secret, CONTEXT, b"plaintext").await.is_err());
}

#[tokio::test]
async fn the_functions_role_reads_its_tenants_keys_and_changes_none() {
    let app = TestApp::start().await;
    let tenant = acme(&app).await;
    seal(&instance(&app), tenant).await;
    let rows = app.apps.accounts.db.query(&Statement::from(Sql::unprepared("SELECT FROM vault_keys"))).await.unwrap();
    assert!(rows.is_empty(), "without a tenant");

    let client = app.database.login("accounts").await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&tenant.to_string()]).await.unwrap();
    assert_eq!(client.query("SELECT FROM vault_keys", &[]).await.unwrap().len(), 1);
    for change in [
        "INSERT INTO vault_keys SELECT tenant_id, purpose, 2, wrapped, provider, provider_key, 'retiring', created_at FROM vault_keys",
        "UPDATE vault_keys SET state = 'retiring'",
        "DELETE FROM vault_keys",
    ] {
        let error = client.batch_execute(change).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{change}");
    }
}
