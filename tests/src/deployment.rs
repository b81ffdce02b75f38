//! Every function as the template deploys it, on this machine: settings from Secrets Manager, tokens signed by KMS, the
//! database over verified TLS, each function under AWS's Runtime Interface Emulator.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::entropy::{Entropy, SystemEntropy};
use shared::identity::password;

use crate::bucket::TestBucket;
use crate::database::TestDatabase;
use crate::emulator::Emulator;
use crate::events::event;
use crate::moto::Moto;

/// Every function, and the secret that it reads.
const FUNCTIONS: [(&str, &str); 9] = [
    ("migrate", "owner"),
    ("auth", "app"),
    ("accounts", "app"),
    ("admin", "app"),
    ("console", "app"),
    ("health", "app"),
    ("metrics", "metrics"),
    ("backup", "backup"),
    ("maintenance", "maintenance"),
];

/// What the functions are deployed with. The tenant `demo` has an `admin`, and the platform an `operator`, once the
/// migrate function has run.
pub struct Deployment {
    environments: HashMap<&'static str, Vec<(&'static str, String)>>,
    password: SecretString,
    /// The bucket that audit seals go to.
    pub seals: String,
    /// What stands in for AWS.
    pub moto: Moto,
    _database: TestDatabase,
    _bucket: TestBucket,
}

impl Deployment {
    /// Makes the database, the secrets and the keys.
    pub async fn create() -> Self {
        let (database, moto) = (TestDatabase::create().await, Moto::of_the_run().await);
        let bucket = TestBucket::create_in(&moto).await;
        let entropy: &dyn Entropy = &SystemEntropy;
        let password = SecretString::from(entropy.base62(20));
        let hash = password::hash(&password, entropy).unwrap();
        let users = format!("demo:admin:admin:{hash};:operator:operator:{hash}");
        let url = |url: String| vec![("DATABASE_URL", url)];
        let drill = ("DRILL_DATABASE_URL", database.superuser_url());
        let secrets = HashMap::from([
            ("backup", moto.secret(&[url(database.backup_url()), vec![drill]].concat()).await),
            ("app", moto.secret(&url(database.app_url())).await),
            ("metrics", moto.secret(&url(database.metrics_url())).await),
            ("maintenance", moto.secret(&url(database.maintenance_url())).await),
            ("owner", moto.secret(&[url(database.owner_url()), vec![("AUTH_USERS", users)]].concat()).await),
        ]);
        let (signing_key, vault_key) = (moto.signing_key().await, moto.vault_key().await);
        let backup_key = moto.vault_key().await;
        let (audit_key, seals) = (moto.signing_key().await, moto.locking_bucket().await);
        let environment = |name: &str, secret: &str| {
            let mut environment = moto.environment();
            environment.push(("APP_ENV", "staging".to_owned()));
            environment.push(("SECRETS_ARN", secrets[secret].clone()));
            environment.push(("DATABASE_CA_FILE", database.ca_file().display().to_string()));
            match name {
                "auth" | "migrate" | "admin" => environment.push(("SIGNING_KMS_KEY_ID", signing_key.clone())),
                _ => {}
            }
            if name == "maintenance" {
                environment.push(("AUDIT_KMS_KEY_ID", audit_key.clone()));
                environment.push(("AUDIT_SEALS_BUCKET", seals.clone()));
            }
            if name == "auth" {
                environment.push(("MALLOC_MMAP_THRESHOLD_", "1048576".to_owned()));
            }
            if name == "backup" {
                environment.push(("BACKUP_BUCKET", bucket.name.clone()));
                environment.push(("BACKUP_KMS_KEY_ID", backup_key.clone()));
                // Nothing is to be written anywhere.
                environment.push(("TMPDIR", "/nowhere".to_owned()));
                environment.push(("HOME", "/nowhere".to_owned()));
            }
            if matches!(name, "auth" | "accounts" | "admin" | "backup" | "maintenance") {
                environment.push(("VAULT_KMS_KEY_ID", vault_key.clone()));
            }
            environment
        };
        let environments = FUNCTIONS.into_iter().map(|(name, secret)| (name, environment(name, secret))).collect();
        Self { environments, password, seals, moto, _database: database, _bucket: bucket }
    }

    /// The names of all functions, migrate first.
    pub fn functions() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.into_iter().map(|(name, _)| name)
    }

    /// Starts an instance of a function.
    pub async fn instance(&self, function: &str) -> Emulator {
        Emulator::function(function, &self.environments[function]).await
    }

    /// The one password of both users.
    pub fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// The event that signs the operator in.
    pub fn operators_login(&self) -> Value {
        let mut login = event("auth/login", &[("password", self.password())]);
        login["body"] = json!({"username": "operator", "password": self.password()}).to_string().into();
        login
    }
}

/// The body of an API Gateway answer, which must have this status: JSON, or else a text.
pub fn body(answer: &Value, status: u16) -> Value {
    assert_eq!(answer["statusCode"], status, "{answer}");
    let body = answer["body"].as_str().unwrap_or_default();
    serde_json::from_str(body).unwrap_or_else(|_| body.into())
}
