//! Where settings come from: the environment first, then the Secrets Manager secrets that `SECRETS_ARN` names.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::check::ConfigError;
use crate::aws;
pub use crate::aws::Stage;

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
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
    "APP_SECRET_ARN",
    "AUDIT_KEY_FILE",
    "AUDIT_KMS_KEY_ID",
    "AUDIT_LOG_PATH",
    "AUDIT_READS",
    "AUDIT_RETENTION_DAYS",
    "AUDIT_SEALS_BUCKET",
    "AUDIT_SEALS_FOLDER",
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
    "BACKUP_SECRET_ARN",
    "CORS_ORIGINS",
    "DATABASE_CA_FILE",
    "DATABASE_PASSWORD",
    "DATABASE_POOL_SIZE",
    "DATABASE_URL",
    "DRILL_DATABASE_PASSWORD",
    "DRILL_DATABASE_URL",
    "MAINTENANCE_DATABASE_PASSWORD",
    "MAINTENANCE_SECRET_ARN",
    "MAJOR_MIGRATION_BACKUP_HOURS",
    "METRICS_DATABASE_PASSWORD",
    "METRICS_SECRET_ARN",
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

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// The settings whose values are no secrets, each with its default where it has one. Whatever is not here is redacted.
const SHOWN: &[(&str, Option<&str>)] = &[
    ("APP_ENV", Some("production")),
    ("APP_SECRET_ARN", None),
    ("AUDIT_KEY_FILE", None),
    ("AUDIT_KMS_KEY_ID", None),
    ("AUDIT_LOG_PATH", None),
    ("AUDIT_READS", Some("false")),
    ("AUDIT_RETENTION_DAYS", Some("400")),
    ("AUDIT_SEALS_BUCKET", None),
    ("AUDIT_SEALS_FOLDER", None),
    ("AUTH_AUDIENCE", Some("holdfast")),
    ("AUTH_ISSUER", Some("holdfast")),
    ("BACKUP_SECRET_ARN", None),
    ("CORS_ORIGINS", None),
    ("DATABASE_CA_FILE", None),
    ("DATABASE_POOL_SIZE", Some("1")),
    ("MAINTENANCE_SECRET_ARN", None),
    ("MAJOR_MIGRATION_BACKUP_HOURS", Some("24")),
    ("METRICS_SECRET_ARN", None),
    ("REQUIRE_MFA_ROLES", None),
    ("RETENTION_DAYS", Some("30")),
    ("SECRETS_ARN", None),
    ("SECRET_VERSIONS", Some("100")),
    ("SIGNING_KEY_FILE", None),
    ("SIGNING_KMS_KEY_ID", None),
    ("VAULT_KMS_KEY_ID", None),
];

/// A setting as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Effective {
    /// Its name.
    pub name: &'static str,
    /// Its value; `[redacted]` where it is a secret that is set, null where it is unset and has no default.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: Source,
    /// Whether it is a secret, so that its value is never shown.
    pub secret: bool,
}

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

    /// The process's environment, completed by the Secrets Manager secrets that `SECRETS_ARN` names, separated by commas.
    pub async fn from_environment() -> Result<Self, ConfigError> {
        Self::at(Stage::Current).await
    }

    /// As [`Settings::from_environment`], with the secrets as they are at a stage of their rotation.
    pub async fn at(stage: Stage) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for name in NAMES {
            if let Ok(value) = std::env::var(name) {
                settings.set(name, value, Source::Environment);
            }
        }
        let arns = settings.get("SECRETS_ARN").unwrap_or_default().to_owned();
        for arn in arns.split(',').map(str::trim).filter(|arn| !arn.is_empty()) {
            settings.add_secret(&read(arn, stage).await?)?;
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

    /// All settings with the values that count, as they may be shown: of a secret only that it is set.
    pub fn effective(&self) -> Vec<Effective> {
        let shown = |name: &'static str| {
            let plain = SHOWN.iter().find(|(shown, _)| *shown == name);
            let value = match (self.get(name), plain) {
                (Some(value), Some(_)) => Some(value.to_owned()),
                (Some(_), None) => Some(REDACTED.to_owned()),
                (None, plain) => plain.and_then(|(_, default)| *default).map(str::to_owned),
            };
            let source = if self.get(name).is_some() { self.source(name) } else { Source::Default };
            Effective { name, value, source, secret: plain.is_none() }
        };
        NAMES.iter().copied().map(shown).collect()
    }

    fn set(&mut self, name: &str, value: String, source: Source) -> bool {
        let Some(name) = NAMES.iter().find(|known| **known == name) else { return false };
        // The environment wins, so that one function can be given what differs from the common secret.
        self.0.entry(name).or_insert_with(|| (SecretString::from(value), source));
        true
    }

    fn add_secret(&mut self, secret: &SecretString) -> Result<(), ConfigError> {
        let values: BTreeMap<String, String> = serde_json::from_str(secret.expose_secret()).map_err(|_| {
            ConfigError::new(
                "SECRETS_ARN",
                "the secret is not a JSON object of strings".to_owned(),
                "store {\"DATABASE_URL\": \"...\", ...}",
            )
        })?;
        for (name, value) in values {
            if !self.set(&name, value, Source::SecretsManager) {
                // The name may be a mistyped value; it is not repeated in a log.
                return Err(ConfigError::new(
                    "SECRETS_ARN",
                    "the secret holds a name that is no setting".to_owned(),
                    "keep only settings of docs/configuration.md in it",
                ));
            }
        }
        Ok(())
    }
}

async fn read(arn: &str, stage: Stage) -> Result<SecretString, ConfigError> {
    aws::secret(arn, stage).await.map_err(|error| {
        ConfigError::new(
            "SECRETS_ARN",
            format!("the secret cannot be read ({error})"),
            "check the ARN, the function's role (secretsmanager:GetSecretValue, kms:Decrypt) and the VPC endpoint",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_is_redacted() {
        let settings = Settings::given(NAMES.iter().map(|name| (*name, format!("value of {name}"))));
        for Effective { name, value, secret, .. } in settings.effective() {
            let plain = SHOWN.iter().any(|(shown, _)| *shown == name);
            assert_eq!((secret, value.as_deref() == Some(REDACTED)), (!plain, !plain), "{name}");
        }
        for secret in ["DATABASE_URL", "SECRET_ENCRYPTION_KEY", "AUTH_JWT_SECRET", "API_TOKENS", "AUTH_USERS"] {
            assert!(!SHOWN.iter().any(|(shown, _)| *shown == secret), "{secret}");
        }
        assert!(SHOWN.iter().all(|(shown, _)| NAMES.contains(shown)));
    }

    #[test]
    fn what_nobody_set_has_its_default_as_its_source() {
        let settings = Settings::given([("AUTH_ISSUER", String::new()), ("RETENTION_DAYS", "7".to_owned())]);
        let all = settings.effective();
        let shown = |name: &str| all.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(
            (shown("AUTH_ISSUER").value.as_deref(), shown("AUTH_ISSUER").source),
            (Some("holdfast"), Source::Default)
        );
        assert_eq!(
            (shown("RETENTION_DAYS").value.as_deref(), shown("RETENTION_DAYS").source),
            (Some("7"), Source::Environment)
        );
        assert_eq!((shown("DATABASE_URL").value.as_deref(), shown("DATABASE_URL").source), (None, Source::Default));
    }
}
