//! Where settings come from: the environment first, then the one Secrets Manager secret that `SECRETS_ARN` names.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::check::Refusal;
use crate::aws;

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An environment variable.
    Environment,
    /// The Secrets Manager secret.
    SecretsManager,
    /// Nobody set it.
    Default,
}

/// Every setting's name. A secret that holds any other is refused: a misspelt name must not pass for a default.
pub const NAMES: &[&str] = &[
    "API_TOKENS",
    "APP_DATABASE_PASSWORD",
    "APP_ENV",
    "AUDIT_KMS_KEY_ID",
    "AUDIT_LOG_PATH",
    "AUDIT_READS",
    "AUTH_AUDIENCE",
    "AUTH_ISSUER",
    "AUTH_JWT_SECRET",
    "AUTH_USERS",
    "BACKUP_BUCKET",
    "BACKUP_DATABASE_PASSWORD",
    "BACKUP_FOLDER",
    "BACKUP_KEEP",
    "BACKUP_KMS_KEY_ID",
    "BACKUP_RETENTION_DAYS",
    "CORS_ORIGINS",
    "DATABASE_CA_FILE",
    "DATABASE_POOL_SIZE",
    "DATABASE_URL",
    "DRILL_DATABASE_URL",
    "METRICS_DATABASE_PASSWORD",
    "REQUIRE_MFA_ROLES",
    "RETENTION_DAYS",
    "SECRET_VERSIONS",
    "SECRETS_ARN",
    "SECRET_ENCRYPTION_KEY",
    "FORMER_SECRET_ENCRYPTION_KEY",
    "SIGNING_KEY_FILE",
    "SIGNING_KMS_KEY_ID",
    "VAULT_KMS_KEY_ID",
];

/// Settings by name, as found; values are secrets until proven otherwise.
#[derive(Default)]
pub struct Settings(BTreeMap<&'static str, (SecretString, Source)>);

impl Settings {
    /// Settings given by hand (local runs, tests).
    pub fn given<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut settings = Self::default();
        for (name, value) in values {
            settings.set(name, value, Source::Environment);
        }
        settings
    }

    /// The process's environment, completed by the Secrets Manager secret where `SECRETS_ARN` names one.
    pub async fn from_environment() -> Result<Self, Refusal> {
        let mut settings = Self::default();
        for name in NAMES {
            if let Ok(value) = std::env::var(name) {
                settings.set(name, value, Source::Environment);
            }
        }
        if let Some(arn) = settings.get("SECRETS_ARN") {
            let secret = aws::secret(arn).await.map_err(|error| {
                Refusal::new("SECRETS_ARN", format!("the secret cannot be read ({error})"), "check the ARN, the function's role (secretsmanager:GetSecretValue, kms:Decrypt) and the VPC endpoint")
            })?;
            settings.add_secret(&secret)?;
        }
        Ok(settings)
    }

    /// The setting's value; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.expose_secret()).filter(|value| !value.is_empty())
    }

    /// Where the setting came from.
    pub fn source(&self, name: &str) -> Source {
        self.0.get(name).map_or(Source::Default, |(_, source)| *source)
    }

    fn set(&mut self, name: &str, value: String, source: Source) -> bool {
        let Some(name) = NAMES.iter().find(|known| **known == name) else { return false };
        // The environment wins, so that one function can be given what differs from the common secret.
        self.0.entry(name).or_insert_with(|| (SecretString::from(value), source));
        true
    }

    fn add_secret(&mut self, secret: &SecretString) -> Result<(), Refusal> {
        let values: BTreeMap<String, String> = serde_json::from_str(secret.expose_secret()).map_err(|_| {
            Refusal::new(
                "SECRETS_ARN",
                "the secret is not a JSON object of strings".to_owned(),
                "store {\"DATABASE_URL\": \"...\", ...}",
            )
        })?;
        for (name, value) in values {
            if !self.set(&name, value, Source::SecretsManager) {
                // The name may be a mistyped value; it is not repeated in a log.
                return Err(Refusal::new(
                    "SECRETS_ARN",
                    "the secret holds a name that is no setting".to_owned(),
                    "keep only settings of docs/configuration.md in it",
                ));
            }
        }
        Ok(())
    }
}
