//! A secret that contains settings, and the versions of it that a rotation moves between.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use holdfast_shared::aws::{self, AwsError, Stage};
use holdfast_shared::config::database::{PASSWORDS, with_password};
use holdfast_shared::rng::Rng;
use secrecy::{ExposeSecret, SecretString};

use crate::RotationError;

/// Letters and digits of a new password: 286 bits.
const PASSWORD_LENGTH: usize = 48;

/// The settings of one version.
pub(crate) struct SecretSettings(BTreeMap<String, SecretString>);

impl SecretSettings {
    fn parse(text: &SecretString) -> Result<Self, RotationError> {
        serde_json::from_str(text.expose_secret()).map(Self).map_err(|_| RotationError::NotSettings)
    }

    /// The same settings with a new password for each database.
    pub(crate) fn with_new_passwords(mut self, rng: &dyn Rng) -> Result<Self, RotationError> {
        let named: Vec<_> = PASSWORDS.iter().filter(|(_, password)| self.0.contains_key(*password)).collect();
        if named.is_empty() {
            return Err(RotationError::NoPassword);
        }
        for (_, password) in named {
            self.0.insert((*password).to_owned(), SecretString::from(rng.base62(PASSWORD_LENGTH)));
        }
        Ok(self)
    }

    /// The databases in the settings, each with its URL and password.
    pub(crate) fn databases(&self) -> Result<Vec<Database>, RotationError> {
        let complete = |(url, password): &(&'static str, &str)| {
            let password = self.0.get(*password)?;
            let address = self.0.get(*url).and_then(|url| with_password(url.expose_secret(), password));
            Some(address.ok_or(RotationError::Url(url)).map(|url| Database { url, password: password.clone() }))
        };
        let databases: Vec<_> = PASSWORDS.iter().filter_map(complete).collect::<Result<_, _>>()?;
        if databases.is_empty() { Err(RotationError::NoPassword) } else { Ok(databases) }
    }

    fn text(&self) -> String {
        let values: BTreeMap<_, _> = self.0.iter().map(|(name, value)| (name, value.expose_secret())).collect();
        serde_json::json!(values).to_string()
    }
}

/// A database, by the URL and the password of one version.
pub(crate) struct Database {
    pub(crate) url: SecretString,
    pub(crate) password: SecretString,
}

/// The secret in Secrets Manager.
pub(crate) struct Secret<'a> {
    client: Client,
    id: &'a str,
    /// Id of the version that this rotation creates.
    version: &'a str,
}

impl<'a> Secret<'a> {
    pub(crate) async fn new(id: &'a str, version: &'a str) -> Self {
        Self { client: Client::new(aws::config().await), id, version }
    }

    /// The current version.
    pub(crate) async fn current(&self) -> Result<SecretSettings, RotationError> {
        SecretSettings::parse(&aws::secret(self.id, Stage::Current).await?)
    }

    /// Id of the current version.
    pub(crate) async fn current_version(&self) -> Result<Option<String>, RotationError> {
        let described = self.client.describe_secret().secret_id(self.id).send().await;
        let described = described.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let mut versions = described.version_ids_to_stages.into_iter().flatten();
        let current = versions.find(|(_, stages)| stages.iter().any(|stage| stage == Stage::Current.label()));
        Ok(current.map(|(version, _)| version))
    }

    /// The version that this rotation creates; none if it does not exist yet.
    pub(crate) async fn pending(&self) -> Result<Option<SecretSettings>, RotationError> {
        let get = self.client.get_secret_value().secret_id(self.id).version_id(self.version);
        let found = get.version_stage(Stage::Pending.label()).send().await;
        match found.map_err(SdkError::into_service_error) {
            Ok(found) => Ok(Some(SecretSettings::parse(&SecretString::from(found.secret_string.unwrap_or_default()))?)),
            Err(error) if error.is_resource_not_found_exception() => Ok(None),
            Err(error) => Err(AwsError::from_sdk(error).into()),
        }
    }

    /// Stores the version that this rotation creates.
    pub(crate) async fn put(&self, values: &SecretSettings) -> Result<(), RotationError> {
        self.client
            .put_secret_value()
            .secret_id(self.id)
            .client_request_token(self.version)
            .secret_string(values.text())
            .version_stages(Stage::Pending.label())
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        Ok(())
    }

    /// Makes that version the current one.
    pub(crate) async fn promote(&self, from: Option<String>) -> Result<(), RotationError> {
        self.client
            .update_secret_version_stage()
            .secret_id(self.id)
            .version_stage(Stage::Current.label())
            .move_to_version_id(self.version)
            .set_remove_from_version_id(from)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use holdfast_shared::rng::SystemRng;

    use super::*;

    fn values(text: &str) -> SecretSettings {
        SecretSettings::parse(&SecretString::from(text)).unwrap()
    }

    #[test]
    fn every_password_is_new_and_other_settings_stay() {
        let before = r#"{"AUTH_ISSUER": "a", "DATABASE_PASSWORD": "x", "DATABASE_URL": "postgres://u@db/h",
            "DRILL_DATABASE_PASSWORD": "y", "DRILL_DATABASE_URL": "postgres://d@db/postgres"}"#;
        let after = values(before).with_new_passwords(&SystemRng).unwrap();
        let databases = after.databases().unwrap();
        let [first, second] = databases.as_slice() else { panic!("{} databases", databases.len()) };
        assert_ne!(first.password.expose_secret(), second.password.expose_secret());
        assert_eq!(first.password.expose_secret().len(), PASSWORD_LENGTH);
        assert!(first.url.expose_secret().starts_with("postgres://u:"));
        assert_eq!(after.0["AUTH_ISSUER"].expose_secret(), "a");
        assert_eq!(values(&after.text()).text(), after.text());
    }

    #[test]
    fn secrets_that_cannot_be_rotated_are_rejected_with_a_reason() {
        let rejection = |text: &str| values(text).databases().err().unwrap().to_string();
        let within = r#"{"DATABASE_URL": "postgres://u:x@db/h"}"#;
        assert!(rejection(within).starts_with("the secret has no DATABASE_PASSWORD"));
        let twice = r#"{"DATABASE_PASSWORD": "x", "DATABASE_URL": "postgres://u:x@db/h"}"#;
        assert!(rejection(twice).starts_with("the secret's DATABASE_URL has no place"));
        assert!(values(within).with_new_passwords(&SystemRng).is_err());
        assert!(matches!(SecretSettings::parse(&SecretString::from("x")), Err(RotationError::NotSettings)));
    }
}
