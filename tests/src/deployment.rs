//! Every function as the template deploys it, but on this machine: settings from Secrets Manager, tokens signed by KMS, the
//! database over verified TLS, each function under AWS's Runtime Interface Emulator.

use std::collections::HashMap;

use holdfast_shared::db::{DatabaseLogin, LOGINS};
use holdfast_shared::identity::password;
use holdfast_shared::rng::{Rng, SystemRng};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::bucket::TestBucket;
use crate::database::TestDatabase;
use crate::emulator::Emulator;
use crate::events::event;
use crate::moto::Moto;

/// Every function and the secrets that it reads. Requests to rotation name the secret.
const FUNCTIONS: [(&str, &[&str]); 10] = [
    ("migrate", &["owner"]),
    ("auth", &["auth"]),
    ("accounts", &["accounts"]),
    ("admin", &["admin"]),
    ("console", &[]),
    ("health", &["health"]),
    ("metrics", &["metrics"]),
    ("backup", &["backup", "drill"]),
    ("maintenance", &["maintenance"]),
    ("rotation", &[]),
];

/// The environment of the functions. After the migrate function has run, the tenant `demo` has an `admin` and the platform
/// an `operator`.
pub struct Deployment {
    environments: HashMap<&'static str, Vec<(&'static str, String)>>,
    password: SecretString,
    /// The ARNs of the secrets, by the name of their function; `owner` is that of migrate.
    pub secrets: HashMap<&'static str, String>,
    /// The bucket that audit seals go to.
    pub seals: String,
    /// The tag that names the stack of the signing keys.
    pub stack: String,
    /// The ARN of the KMS key of `SIGNING_KMS_KEY_ID`.
    pub signing_key: String,
    /// The stand-in for AWS.
    pub moto: Moto,
    /// The database.
    pub database: TestDatabase,
    _drill_server: TestDatabase,
    _bucket: TestBucket,
}

impl Deployment {
    /// Creates the database, the secrets and the keys.
    pub async fn create() -> Self {
        Self::over(TestDatabase::create().await).await
    }

    /// Creates the same on a server of its own, whose roles a test may change.
    pub async fn apart() -> Self {
        Self::over(TestDatabase::apart().await).await
    }

    async fn over(database: TestDatabase) -> Self {
        let moto = Moto::of_the_run().await;
        let bucket = TestBucket::create_in(&moto).await;
        let rng: &dyn Rng = &SystemRng;
        let password = SecretString::from(rng.base62(20));
        let hash = password::hash(&password, rng).unwrap();
        let users = format!("demo:admin:admin:{hash};:operator:operator:{hash}");
        let login = |url: String| TestDatabase::apart_from_its_password(&url).to_vec();
        let drill_server = TestDatabase::empty_apart().await;
        let [(_, drill_url), (_, drill_password)] = TestDatabase::apart_from_its_password(&drill_server.owner_url());
        let authorities =
            [database.ca_file(), drill_server.ca_file()].map(|file| std::fs::read_to_string(file).unwrap());
        let authorities = database.file("authorities.pem", &authorities.concat());
        let drill = [("DRILL_DATABASE_URL", drill_url), ("DRILL_DATABASE_PASSWORD", drill_password)];
        let mut secrets = HashMap::from([
            ("drill", moto.secret(&drill).await),
            ("owner", moto.secret(&[login(database.owner_url()), vec![("AUTH_USERS", users)]].concat()).await),
        ]);
        for DatabaseLogin { function, .. } in LOGINS {
            secrets.insert(function, moto.secret(&login(database.url_of(function))).await);
        }
        let stack = format!("stack{}", rng.base62(12).to_lowercase());
        let (signing_key, vault_key) = (moto.signing_key_of(&stack).await, moto.vault_key().await);
        let (backup_key, backup_signing_key) = (moto.vault_key().await, moto.signing_key().await);
        let (audit_key, seals) = (moto.signing_key().await, moto.locking_bucket().await);
        let environment = |name: &str, read: &[&str]| {
            let mut environment = moto.environment();
            environment.push(("APP_ENV", "staging".to_owned()));
            environment.push(("AUTH_ISSUER", "holdfast-staging".to_owned()));
            // The tests sign in with passwords alone; `one_time_codes` tests what the default requires.
            environment.push(("REQUIRE_MFA_ROLES", "none".to_owned()));
            let arns: Vec<_> = read.iter().map(|secret| secrets[secret].as_str()).collect();
            // The console has neither a secret nor a database.
            if !read.is_empty() || name == "rotation" {
                environment.push(("SECRETS_ARN", arns.join(",")));
                environment.push(("DATABASE_CA_FILE", authorities.display().to_string()));
            }
            if name == "migrate" {
                environment.extend(LOGINS.map(|login| (login.secret_setting, secrets[login.function].clone())));
            }
            match name {
                "auth" | "accounts" | "admin" | "metrics" | "migrate" => {
                    environment.push(("SIGNING_KMS_KEY_ID", signing_key.clone()));
                }
                _ => {}
            }
            if matches!(name, "auth" | "admin" | "backup" | "maintenance") {
                environment.push(("AUDIT_KMS_KEY_ID", audit_key.clone()));
            }
            if name == "maintenance" {
                environment.push(("AUDIT_SEALS_BUCKET", seals.clone()));
            }
            if name == "auth" {
                environment.push(("MALLOC_MMAP_THRESHOLD_", "1048576".to_owned()));
            }
            if name == "backup" {
                environment.push(("BACKUP_BUCKET", bucket.name.clone()));
                environment.push(("BACKUP_KMS_KEY_ID", backup_key.clone()));
                environment.push(("BACKUP_SIGNING_KMS_KEY_ID", backup_signing_key.clone()));
                // The function must write no file.
                environment.push(("TMPDIR", "/nowhere".to_owned()));
                environment.push(("HOME", "/nowhere".to_owned()));
            }
            if matches!(name, "auth" | "accounts" | "admin" | "backup" | "maintenance") {
                environment.push(("VAULT_KMS_KEY_ID", vault_key.clone()));
            }
            environment
        };
        let environments = FUNCTIONS.into_iter().map(|(name, read)| (name, environment(name, read))).collect();
        Self {
            environments,
            password,
            secrets,
            seals,
            stack,
            signing_key,
            moto,
            database,
            _drill_server: drill_server,
            _bucket: bucket,
        }
    }

    /// Returns the names of all functions, migrate first.
    pub fn functions() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.into_iter().map(|(name, _)| name)
    }

    /// Starts an instance of a function.
    pub async fn instance(&self, function: &str) -> Emulator {
        Emulator::function(function, &self.environments[function]).await
    }

    /// Starts an instance of the verifier: the code of maintenance with the login of backup.
    pub async fn verifier(&self) -> Emulator {
        let mut environment = self.environments["maintenance"].clone();
        environment.retain(|(name, _)| *name != "SECRETS_ARN");
        environment.push(("SECRETS_ARN", self.secrets["backup"].clone()));
        Emulator::function("maintenance", &environment).await
    }

    /// Returns the password of both users.
    pub fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// Returns the event that signs the operator in.
    pub fn operator_login(&self) -> Value {
        let mut login = event("auth/login", &[("password", self.password())]);
        login["body"] = json!({"username": "operator", "password": self.password()}).to_string().into();
        login
    }
}

/// Returns the body of an API Gateway response, which must have this status: JSON, or else a text.
#[track_caller]
pub fn body(response: &Value, status: u16) -> Value {
    assert_eq!(response["statusCode"], status, "{response}");
    let body = response["body"].as_str().unwrap_or_default();
    serde_json::from_str(body).unwrap_or_else(|_| body.into())
}
