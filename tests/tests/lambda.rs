//! The real function binaries under AWS's Runtime Interface Emulator, configured as in a deployment: settings from
//! Secrets Manager, tokens signed by KMS, the database over verified TLS.

use std::collections::HashMap;

use holdfast_tests::database::TestDatabase;
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use holdfast_tests::moto::Moto;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::entropy::{Entropy, SystemEntropy};
use shared::identity::password;

/// Every function, started as the template starts it.
struct Deployment {
    functions: HashMap<&'static str, Emulator>,
    password: SecretString,
    _database: TestDatabase,
    _moto: Moto,
}

impl Deployment {
    async fn start() -> Self {
        let (database, moto) = (TestDatabase::create().await, Moto::of_the_run().await);
        let entropy: &dyn Entropy = &SystemEntropy;
        let password = SecretString::from(entropy.base62(20));
        let users = format!("demo:admin:admin:{}", password::hash(&password, entropy).unwrap());
        let url = |url: String| vec![("DATABASE_URL", url)];
        let secrets = [
            ("app", moto.secret(&url(database.app_url())).await),
            ("metrics", moto.secret(&url(database.metrics_url())).await),
            ("owner", moto.secret(&[url(database.owner_url()), vec![("AUTH_USERS", users)]].concat()).await),
        ];
        let (signing_key, vault_key) = (moto.signing_key().await, moto.vault_key().await);

        let mut functions = HashMap::new();
        for (name, secret) in [
            ("migrate", "owner"),
            ("auth", "app"),
            ("accounts", "app"),
            ("admin", "app"),
            ("health", "app"),
            ("metrics", "metrics"),
        ] {
            let arn = secrets.iter().find(|(of, _)| *of == secret).map(|(_, arn)| arn.clone()).unwrap();
            let mut environment = moto.environment();
            environment.push(("APP_ENV", "staging".to_owned()));
            environment.push(("SECRETS_ARN", arn));
            environment.push(("DATABASE_CA_FILE", database.ca_file().display().to_string()));
            match name {
                "auth" | "migrate" => environment.push(("SIGNING_KMS_KEY_ID", signing_key.clone())),
                "accounts" => environment.push(("VAULT_KMS_KEY_ID", vault_key.clone())),
                _ => {}
            }
            functions.insert(name, Emulator::function(name, &environment).await);
        }
        Self { functions, password, _database: database, _moto: moto }
    }

    /// Sends a sample event to its function, expects a status, and gives the answer's body: JSON, or else a text.
    async fn send(&self, name: &str, stand_ins: &[(&str, &str)], status: u16) -> Value {
        let function = &self.functions[name.split('/').next().unwrap()];
        let answer = function.invoke(&event(name, stand_ins)).await;
        assert_eq!(answer["statusCode"], status, "{name}: {answer}\n{}", function.log());
        let body = answer["body"].as_str().unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|_| body.into())
    }
}

#[tokio::test]
async fn every_sample_event_is_answered_by_the_real_functions() {
    let deployment = Deployment::start().await;
    let migrated = deployment.functions["migrate"].invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["created"]["users"], 1, "{migrated}");

    deployment.send("health/healthz", &[], 200).await;
    deployment.send("health/readyz", &[], 200).await;
    let password = deployment.password.expose_secret();
    let tokens = deployment.send("auth/login", &[("password", password)], 200).await;
    let tokens = deployment.send("auth/refresh", &[("refresh_token", text(&tokens, "refresh_token"))], 200).await;
    let keys = deployment.send("auth/jwks", &[], 200).await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");

    let token = ("access_token", text(&tokens, "access_token"));
    let whoami = deployment.send("auth/whoami", &[token], 200).await;
    assert_eq!(whoami["tenant"]["slug"], "demo", "{whoami}");

    let account = deployment.send("accounts/create", &[token], 201).await;
    let version = account["version"].to_string();
    let stand_ins = [token, ("account_id", text(&account, "id")), ("version", &version)];
    assert_eq!(deployment.send("accounts/read", &stand_ins, 200).await, account);
    assert_eq!(deployment.send("accounts/list", &stand_ins, 200).await["items"][0], account);
    assert_eq!(deployment.send("accounts/update", &stand_ins, 200).await["status"], "suspended");
    deployment.send("accounts/delete", &stand_ins, 204).await;
    deployment.send("accounts/restore", &stand_ins, 200).await;

    let audit = deployment.send("admin/audit", &[token], 200).await;
    // The gateway's word for the caller's address, not the header's.
    assert_eq!(audit["items"][0]["source_ip"], "203.0.113.24", "{audit}");
    // A tenant's admin reads no metrics: those are the platform's.
    deployment.send("metrics/metrics", &[token], 403).await;
    deployment.send("auth/logout", &[token], 204).await;
    deployment.send("auth/whoami", &[token], 401).await;
}

#[tokio::test]
async fn a_refused_start_is_an_init_error_and_leaves_one_line_that_names_the_mend() {
    let moto = Moto::of_the_run().await;
    let secret = moto.secret(&[("DATABASE_URL", "postgres://holdfast_app:x@localhost/holdfast".to_owned())]).await;
    let mut environment = moto.environment();
    environment.push(("SECRETS_ARN", secret));
    let health = Emulator::function("health", &environment).await;

    let answer = health.invoke(&event("health/healthz", &[])).await;
    assert_eq!(answer, Value::Null);
    assert!(health.log().contains("Runtime exited with error: exit status 1"), "{}", health.log());
    let lines = health.lines();
    let refusals: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(!refusals.is_empty(), "{}", health.log());
    for refusal in refusals {
        let message = refusal["message"].as_str().unwrap();
        assert!(message.starts_with("the start was refused: DATABASE_URL: "), "{message}");
        assert!(message.ends_with("add ?sslmode=verify-full"), "{message}");
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}
