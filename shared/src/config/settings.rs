//! Settings as they are found: the environment first, then the Secrets Manager secrets that `SECRETS_ARN` names.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, Form, find, names};
use crate::aws;
pub use crate::aws::Stage;

/// Origin of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An environment variable.
    Environment,
    /// The Secrets Manager secret.
    SecretsManager,
    /// Not set.
    Default,
}

/// Stands instead of a secret.
const REDACTED: &str = "[redacted]";

/// A setting as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct EffectiveSetting {
    /// Name.
    pub name: &'static str,
    /// Value; `[redacted]` where it is a secret that is set, null where it is unset and has no default.
    pub value: Option<String>,
    /// Origin of the value.
    pub source: Source,
    /// Whether it is a secret, so that its value is never shown.
    pub secret: bool,
}

/// Settings by name. All values are treated as secrets.
#[derive(Default)]
pub struct Settings(BTreeMap<&'static str, (SecretString, Source)>);

impl Settings {
    /// Settings given by hand (local runs, tests).
    pub fn given<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut settings = Self::default();
        for (name, value) in values {
            settings.insert(name, value, Source::Environment);
        }
        settings
    }

    /// The environment of the process, completed by the Secrets Manager secrets that `SECRETS_ARN` names, separated by
    /// commas.
    pub async fn from_environment() -> Result<Self, ConfigError> {
        Self::at(Stage::Current).await
    }

    /// As [`Settings::from_environment`], with the secrets at a stage of their rotation.
    pub async fn at(stage: Stage) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for name in names() {
            if let Ok(value) = std::env::var(name) {
                settings.insert(name, value, Source::Environment);
            }
        }
        let arns = settings.get("SECRETS_ARN").unwrap_or_default().to_owned();
        for arn in arns.split(',').map(str::trim).filter(|arn| !arn.is_empty()) {
            settings.add_secret(&read(arn, stage).await?)?;
        }
        Ok(settings)
    }

    /// Value of the setting; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.expose_secret()).filter(|value| !value.is_empty())
    }

    /// Value of the setting, or its default; empty where it has neither.
    pub fn get_or_default(&self, name: &str) -> &str {
        self.get(name).or_else(|| find(name)?.default).unwrap_or_default()
    }

    /// Value of a setting that is a number, or its default.
    ///
    /// # Errors
    /// The value is not a number in the range that [`SETTINGS`](super::SETTINGS) declares.
    pub fn number(&self, name: &'static str) -> Result<u16, ConfigError> {
        let range = match find(name).map(|setting| setting.form) {
            Some(Form::Number { min, max, .. }) => min..=max,
            _ => return Err(ConfigError::of(name, "not declared as a number")),
        };
        let number = self.get_or_default(name).parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| ConfigError::of(name, "not a number in range"))
    }

    /// Value of a setting that is `true` or `false`, or its default.
    ///
    /// # Errors
    /// The value is neither.
    pub fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        self.get_or_default(name).parse().map_err(|_| ConfigError::of(name, "neither true nor false"))
    }

    /// Entries of a setting that is a list, without surrounding spaces and without empty ones.
    pub(super) fn list<'a>(&'a self, name: &str, separators: &'a [char]) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(name).unwrap_or_default().split(separators).map(str::trim).filter(|entry| !entry.is_empty())
    }

    /// Origin of the setting.
    pub fn source(&self, name: &str) -> Source {
        self.0.get(name).map_or(Source::Default, |(_, source)| *source)
    }

    /// All settings with the values in effect, by name, as they may be shown: of a secret only whether it is set.
    pub fn effective(&self) -> Vec<EffectiveSetting> {
        let shown = |setting: &super::Setting| {
            let super::Setting { name, secret, default, .. } = *setting;
            match self.get(name) {
                Some(_) if secret => {
                    EffectiveSetting { name, value: Some(REDACTED.to_owned()), source: self.source(name), secret }
                }
                Some(value) => {
                    EffectiveSetting { name, value: Some(value.to_owned()), source: self.source(name), secret }
                }
                None => EffectiveSetting { name, value: default.map(str::to_owned), source: Source::Default, secret },
            }
        };
        let mut all: Vec<_> = super::SETTINGS.iter().map(shown).collect();
        all.sort_by_key(|setting| setting.name);
        all
    }

    /// Adds a value unless the setting has one; returns whether there is such a setting.
    fn insert(&mut self, name: &str, value: String, source: Source) -> bool {
        let Some(setting) = find(name) else { return false };
        // The environment wins, so that one function can be given what differs from the common secret.
        self.0.entry(setting.name).or_insert_with(|| (SecretString::from(value), source));
        true
    }

    fn add_secret(&mut self, secret: &SecretString) -> Result<(), ConfigError> {
        let invalid = |fault: &'static str| ConfigError::of("SECRETS_ARN", fault);
        let values: BTreeMap<String, String> = serde_json::from_str(secret.expose_secret())
            .map_err(|_| invalid("the secret is not a JSON object of strings"))?;
        for (name, value) in values {
            if !self.insert(&name, value, Source::SecretsManager) {
                // The name may be a mistyped value; it is not repeated in a log.
                return Err(invalid("the secret holds a name that is not a setting"));
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
    use super::super::secrets;
    use super::*;

    #[test]
    fn secrets_are_redacted_and_every_other_value_is_shown() {
        let values: Vec<_> = names().map(|name| (name, format!("value of {name}"))).collect();
        for EffectiveSetting { name, value, secret, .. } in Settings::given(values).effective() {
            let is_secret = secrets().any(|known| known == name);
            let expected = if is_secret { REDACTED.to_owned() } else { format!("value of {name}") };
            assert_eq!((secret, value), (is_secret, Some(expected)), "{name}");
        }
    }

    #[test]
    fn an_unset_setting_has_its_default_as_its_source() {
        let settings = Settings::given([("AUTH_ISSUER", String::new()), ("RETENTION_DAYS", "7".to_owned())]);
        let all = settings.effective();
        let shown = |name: &str| {
            let setting = all.iter().find(|setting| setting.name == name).unwrap();
            (setting.value.as_deref(), setting.source)
        };
        assert_eq!(shown("AUTH_ISSUER"), (Some("holdfast"), Source::Default));
        assert_eq!(shown("RETENTION_DAYS"), (Some("7"), Source::Environment));
        assert_eq!(shown("DATABASE_URL"), (None, Source::Default));
    }

    #[test]
    fn a_number_has_the_default_and_the_range_of_the_table() {
        let number = |value: &str| Settings::given([("RETENTION_DAYS", value.to_owned())]).number("RETENTION_DAYS");
        assert_eq!((number(""), number("3650")), (Ok(30), Ok(3650)));
        for value in ["0", "3651", "ten"] {
            let error = number(value).unwrap_err().to_string();
            assert_eq!(error, "RETENTION_DAYS: not a number in range; set 1 to 3650 days");
        }
    }
}
