//! Keys that rotations create are as well guarded as the configured one, and do not outlive their use: with the real functions,
//! and moto as KMS.

use std::collections::BTreeSet;

use holdfast_tests::deployment::{self, Deployment};
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use holdfast_tests::moto;
use serde_json::{Value, json};

/// The platform as an operator uses it.
struct Platform {
    deployment: Deployment,
    admin: Emulator,
    token: String,
}

impl Platform {
    async fn start() -> Self {
        let deployment = Deployment::create().await;
        deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
        let auth = deployment.instance("auth").await;
        let tokens = deployment::body(&auth.invoke(&deployment.operator_login()).await, 200);
        let admin = deployment.instance("admin").await;
        Self { token: tokens["access_token"].as_str().unwrap().to_owned(), deployment, admin }
    }

    /// Returns the event that rotates the signing key under an idempotency key.
    fn rotation(&self, once: &str) -> Value {
        let mut rotation = event("admin/rotate-key", &[("access_token", &self.token)]);
        rotation["headers"]["Idempotency-Key"] = once.into();
        rotation["multiValueHeaders"]["Idempotency-Key"] = json!([once]);
        rotation
    }

    async fn expire(&self) -> Value {
        let maintenance = self.deployment.instance("maintenance").await;
        let report = maintenance.invoke(&event("maintenance/expire", &[])).await;
        assert_eq!(report["tasks"][0]["outcome"], "done", "{report}\n{}", maintenance.log());
        report["tasks"][0].clone()
    }

    async fn kms(&self, operation: &str, key: &str) -> Value {
        let request = json!({"KeyId": key, "PolicyName": "default"});
        self.deployment.moto.kms(operation, &request).await
    }

    async fn state(&self, key: &str) -> String {
        self.kms("DescribeKey", key).await["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
    }

    /// Returns the KMS keys of this stack, the configured one left out.
    async fn created(&self) -> BTreeSet<String> {
        let mut keys = self.deployment.moto.keys_of(&self.deployment.stack).await;
        assert!(keys.remove(&moto::id(&self.deployment.signing_key)));
        keys
    }

    /// Returns the registered KMS keys that a condition holds for, the configured one left out.
    async fn registered(&self, condition: &str) -> BTreeSet<String> {
        let select = format!("SELECT provider_key FROM signing_keys WHERE origin = 'rotation' AND {condition}");
        let rows = self.deployment.database.superuser().await.query(&select, &[]).await.unwrap();
        rows.iter().map(|row| moto::id(row.get(0))).collect()
    }
}

#[tokio::test]
async fn a_key_of_a_rotation_is_a_copy_and_ends_after_its_last_token() {
    let platform = Platform::start().await;
    let configured = platform.deployment.signing_key.clone();
    for once in ["first", "second"] {
        deployment::body(&platform.admin.invoke(&platform.rotation(once)).await, 201);
    }
    let created = platform.created().await;
    assert_eq!((created.len(), &created), (2, &platform.registered("true").await));
    let policy = platform.kms("GetKeyPolicy", &configured).await["Policy"].clone();
    assert!(policy.as_str().unwrap().contains("AuthSigns"), "{policy}");
    let own = platform.kms("ListResourceTags", &configured).await["Tags"].clone();
    for key in &created {
        assert_eq!(platform.kms("GetKeyPolicy", key).await["Policy"], policy);
        let mut tags = platform.kms("ListResourceTags", key).await["Tags"].as_array().unwrap().clone();
        let made_by = json!({"TagKey": "holdfast:made-by", "TagValue": "rotation"});
        tags.retain(|tag| *tag != made_by);
        assert_eq!(Value::from(tags), own);
    }

    // Nothing ends before its time.
    let newest = platform.registered("expires_at IS NULL").await;
    let former = platform.registered("expires_at IS NOT NULL").await;
    assert_eq!((newest.len(), former.len()), (1, 1));
    platform.expire().await;
    assert_eq!(platform.registered("true").await, created);
    // The configured key and the first rotation's have expired more than a day ago.
    let past = "UPDATE signing_keys SET expires_at = expires_at - interval '25 hours' WHERE expires_at IS NOT NULL";
    platform.deployment.database.execute(past).await;
    assert_eq!(platform.expire().await["signing_keys"], 1);
    let former = former.first().unwrap();
    assert_eq!(
        (platform.state(former).await, &platform.registered("true").await),
        ("PendingDeletion".to_owned(), &newest)
    );
    let days = platform.kms("DescribeKey", former).await["KeyMetadata"]["PendingDeletionWindowInDays"].clone();
    assert!(days.is_null() || days == 30, "{days}");
    for key in [newest.first().unwrap(), &configured] {
        assert_eq!(platform.state(key).await, "Enabled");
    }
    assert_eq!(platform.expire().await["signing_keys"], 0);
    // A deployment does not bring the configured key back in place of the newest one.
    let migrated = platform.deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["created"]["signing_keys"], 0, "{migrated}");
}

#[tokio::test]
async fn of_a_rotation_that_is_sent_twice_at_once_one_key_stays() {
    let platform = Platform::start().await;
    let other = platform.deployment.instance("admin").await;
    let mut sent = 0;
    while platform.registered("expires_at = created_at").await.is_empty() {
        sent += 1;
        assert!(sent <= 20, "no two rotations met");
        let rotation = platform.rotation(&format!("at-once-{sent}"));
        let (one, another) = tokio::join!(platform.admin.invoke(&rotation), other.invoke(&rotation));
        assert_eq!(deployment::body(&one, 201), deployment::body(&another, 201));
        // Every key that was created is known, and those that serve are as many as were asked for.
        assert_eq!(platform.created().await, platform.registered("true").await);
        assert_eq!(platform.registered("expires_at IS DISTINCT FROM created_at").await.len(), sent);
    }
    let discarded = platform.registered("expires_at = created_at").await;
    let past = "UPDATE signing_keys SET expires_at = expires_at - interval '25 hours' WHERE expires_at = created_at";
    platform.deployment.database.execute(past).await;
    platform.expire().await;
    for key in &discarded {
        assert_eq!(platform.state(key).await, "PendingDeletion");
    }
    assert_eq!(platform.registered("true").await.len(), sent);
}
