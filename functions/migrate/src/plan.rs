//! The plan of a run, from the settings.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_shared::config::{
    BootstrapToken, BootstrapUser, Config, ConfigError, Needs, Settings, api_tokens, auth_users,
};
use holdfast_shared::db::{DatabaseLogin, LOGINS};
use holdfast_shared::identity::signer::{NewKey, Signer};
use jiff::SignedDuration;
use secrecy::SecretString;
use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::functions::Function;
use crate::logins::{Login, MIN_PASSWORD_BYTES, Password};
use crate::steps::Steps;

/// Time that a run waits for another one to end. Lambda allows a run 15 minutes.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// Everything that a run applies, sets and creates.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Connection string of the schema's owner.
    pub database_url: SecretString,
    /// Certificate authority of the database, as a PEM file; `None` for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// Versioned steps.
    pub steps: Steps,
    /// SQL functions, each after those that it calls.
    pub functions: Vec<Function>,
    /// Reports what would be done, and changes nothing.
    pub dry_run: bool,
    /// Maximum age of the newest backup before a major step.
    pub max_backup_age: SignedDuration,
    /// Name of a backup that was created elsewhere, such as a snapshot; it replaces the check of the newest one.
    pub other_backup: Option<String>,
    /// Time to wait for another run to end.
    pub lock_wait: Duration,
    /// Login secrets of roles, to be set.
    pub logins: Vec<Login>,
    /// Sets the passwords of their functions' secrets for roles that can log in, too: needed after a restore, which
    /// restores the passwords of its time.
    pub reset_logins: bool,
    /// Users to create where they are missing.
    pub users: Vec<BootstrapUser>,
    /// API tokens to create where they are missing.
    pub tokens: Vec<BootstrapToken>,
    /// Public half of the key that signs access tokens, to be registered.
    pub signing_key: Option<NewKey>,
}

impl Plan {
    /// Creates a plan that only brings the schema up to date. It accepts no backup before a major step: set
    /// `max_backup_age`.
    pub fn new(database_url: SecretString) -> Self {
        Self {
            database_url,
            database_ca_file: None,
            steps: Steps::embedded(),
            functions: Function::embedded(),
            dry_run: false,
            max_backup_age: SignedDuration::ZERO,
            other_backup: None,
            lock_wait: LOCK_WAIT,
            logins: Vec::new(),
            reset_logins: false,
            users: Vec::new(),
            tokens: Vec::new(),
            signing_key: None,
        }
    }

    /// Creates the plan from the settings. `DATABASE_URL` is the owner's. `AUTH_DATABASE_PASSWORD` and so on are the
    /// roles' login secrets, or `AUTH_SECRET_ARN` and so on are the ARNs of the secrets that contain them. `AUTH_USERS`
    /// and `API_TOKENS` are the first users and tokens. The signing key is the one that the auth function will sign
    /// with.
    ///
    /// # Errors
    /// [`MigrateError::Config`] with the setting that is missing or weak, or [`MigrateError::SigningKey`].
    pub async fn from_settings(settings: &Settings) -> Result<Self, MigrateError> {
        let config = Config::from_settings(settings, Needs::DATABASE)?;
        let logins = LOGINS
            .into_iter()
            .filter_map(|DatabaseLogin { role, password_setting, secret_setting, .. }| {
                let password = match (settings.get(password_setting), settings.get(secret_setting)) {
                    (Some(password), _) if password.len() < MIN_PASSWORD_BYTES => {
                        let fault = format!("shorter than {MIN_PASSWORD_BYTES} bytes");
                        let fix = "generate one with `openssl rand -hex 32`";
                        return Some(Err(ConfigError::new(password_setting, fault, fix)));
                    }
                    (Some(password), _) => Password::Given(SecretString::from(password)),
                    (None, Some(arn)) => Password::Kept(arn.to_owned()),
                    (None, None) => return None,
                };
                Some(Ok(Login { role, password }))
            })
            .collect::<Result<_, _>>()?;
        let signing_key = match Signer::from_config(&config).await? {
            Some(signer) => signer.first_key().await?,
            None => None,
        };
        let database_url = config.database_url()?.clone();
        Ok(Self {
            database_ca_file: config.database_ca_file,
            max_backup_age: SignedDuration::from_hours(settings.number("MAJOR_MIGRATION_BACKUP_HOURS")?.into()),
            logins,
            users: auth_users(settings)?,
            tokens: api_tokens(settings)?,
            signing_key,
            ..Self::new(database_url)
        })
    }

    pub(crate) async fn connect(&self) -> Result<Client, MigrateError> {
        Ok(holdfast_shared::db::connect_owner(&self.database_url, self.database_ca_file.as_deref()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_short_login_secret_is_rejected_with_its_setting() {
        let settings = Settings::given([
            ("APP_ENV", "local".to_owned()),
            ("DATABASE_URL", "postgres://owner:x@localhost/holdfast".to_owned()),
            ("AUTH_DATABASE_PASSWORD", "hunter2".to_owned()),
        ]);
        let error = Plan::from_settings(&settings).await.unwrap_err().to_string();
        assert_eq!(error, "AUTH_DATABASE_PASSWORD: shorter than 20 bytes; generate one with `openssl rand -hex 32`");
    }
}
