//! What a run is to bring about, as the settings say.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_shared::config::{
    BootstrapToken, BootstrapUser, Config, ConfigError, Needs, Settings, api_tokens, auth_users,
};
use holdfast_shared::identity::signer::{NewKey, Signer};
use jiff::SignedDuration;
use secrecy::SecretString;
use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::functions::Function;
use crate::logins::{APP_ROLE, BACKUP_ROLE, LEAST_PASSWORD_BYTES, Login, MAINTENANCE_ROLE, METRICS_ROLE, Password};
use crate::steps::Steps;

/// How long a run waits for another one. Lambda allows a run 15 minutes.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// How old the backup before a major step may be: a day, as backups are made daily.
const BACKUP_HOURS: u16 = 24;
const MAX_BACKUP_HOURS: u16 = 24 * 7;

/// The settings that say what a role logs in with: the password, or else the secret that has it.
const LOGINS: [(&str, &str, &str); 4] = [
    ("APP_DATABASE_PASSWORD", "APP_SECRET_ARN", APP_ROLE),
    ("BACKUP_DATABASE_PASSWORD", "BACKUP_SECRET_ARN", BACKUP_ROLE),
    ("MAINTENANCE_DATABASE_PASSWORD", "MAINTENANCE_SECRET_ARN", MAINTENANCE_ROLE),
    ("METRICS_DATABASE_PASSWORD", "METRICS_SECRET_ARN", METRICS_ROLE),
];

/// What a run is to bring about.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the owner of the schema reaches the database.
    pub database_url: SecretString,
    /// The database's certificate authority, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// The versioned steps.
    pub steps: Steps,
    /// The SQL functions, each after those that it calls.
    pub functions: Vec<Function>,
    /// Whether to tell what is to be done, and do nothing.
    pub dry_run: bool,
    /// How old the newest backup may be before a major step.
    pub max_backup_age: SignedDuration,
    /// A backup that was made otherwise, such as a snapshot by its name; it stands in for the newest one.
    pub other_backup: Option<String>,
    /// How long to wait for another run to end.
    pub lock_wait: Duration,
    /// The login secrets to give to roles.
    pub logins: Vec<Login>,
    /// Whether roles that can log in get the passwords of their functions' secrets, too: after a restore, which brings
    /// back those of its time.
    pub reset_logins: bool,
    /// The users to make where they are missing.
    pub users: Vec<BootstrapUser>,
    /// The API tokens to make where they are missing.
    pub tokens: Vec<BootstrapToken>,
    /// The key that signs access tokens, by its public half.
    pub signing_key: Option<NewKey>,
}

impl Plan {
    /// A plan that only brings the schema up to date.
    pub fn new(database_url: SecretString) -> Self {
        Self {
            database_url,
            database_ca_file: None,
            steps: Steps::embedded(),
            functions: Function::embedded(),
            dry_run: false,
            max_backup_age: SignedDuration::from_hours(i64::from(BACKUP_HOURS)),
            other_backup: None,
            lock_wait: LOCK_WAIT,
            logins: Vec::new(),
            reset_logins: false,
            users: Vec::new(),
            tokens: Vec::new(),
            signing_key: None,
        }
    }

    /// The plan that the settings ask for: `DATABASE_URL` is the owner's, `APP_DATABASE_PASSWORD` and its likes are the
    /// roles' secrets, or `APP_SECRET_ARN` and its likes say where those are kept, `AUTH_USERS` are the first users, and the
    /// signing key is the one that the auth function will sign with.
    pub async fn from_settings(settings: &Settings) -> Result<Self, MigrateError> {
        let config = Config::from_settings(settings, Needs::default())?;
        let logins = LOGINS
            .into_iter()
            .filter_map(|(given, kept, role)| {
                let password = match (settings.get(given), settings.get(kept)) {
                    (Some(password), _) if password.len() < LEAST_PASSWORD_BYTES => {
                        let fault = format!("shorter than {LEAST_PASSWORD_BYTES} bytes");
                        return Some(Err(ConfigError::new(given, fault, "generate one with `openssl rand -hex 32`")));
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
        Ok(Self {
            database_ca_file: config.database_ca_file,
            max_backup_age: backup_age(settings)?,
            logins,
            users: auth_users(settings)?,
            tokens: api_tokens(settings)?,
            signing_key,
            ..Self::new(config.database_url)
        })
    }

    pub(crate) async fn connect(&self) -> Result<Client, MigrateError> {
        Ok(holdfast_shared::db::connect_owner(&self.database_url, self.database_ca_file.as_deref()).await?)
    }
}

fn backup_age(settings: &Settings) -> Result<SignedDuration, ConfigError> {
    let setting = "MAJOR_MIGRATION_BACKUP_HOURS";
    let hours = match settings.get(setting).map(str::parse) {
        None => BACKUP_HOURS,
        Some(Ok(hours)) if (1..=MAX_BACKUP_HOURS).contains(&hours) => hours,
        Some(_) => return Err(ConfigError::new(setting, "not a number in range", "use 1 to 168 hours")),
    };
    Ok(SignedDuration::from_hours(i64::from(hours)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_short_login_secret_is_refused_by_name() {
        let settings = Settings::given([
            ("APP_ENV", "local".to_owned()),
            ("DATABASE_URL", "postgres://owner:x@localhost/holdfast".to_owned()),
            ("APP_DATABASE_PASSWORD", "hunter2".to_owned()),
        ]);
        let refusal = Plan::from_settings(&settings).await.unwrap_err().to_string();
        assert_eq!(refusal, "APP_DATABASE_PASSWORD: shorter than 20 bytes; generate one with `openssl rand -hex 32`");
    }
}
