//! The settings of a local run, as each part of it sees them: what was given, completed by what was generated, with
//! the database role that the part has in a deployment.

use std::collections::BTreeMap;

use holdfast_migrate::{APP_ROLE, BACKUP_ROLE, MAINTENANCE_ROLE, METRICS_ROLE};
use holdfast_shared::config::Settings;
use holdfast_shared::rng::Rng;
use secrecy::{ExposeSecret, SecretString};

use super::database::Database;

/// Connections of the functions on `holdfast_app`: as many requests as are served at the same time.
const APP_POOL: &str = "16";
/// Connections of the metrics function.
const METRICS_POOL: &str = "2";

/// What a function that runs by itself is not given: the settings of the migration, of backups, of maintenance, and of
/// where it runs.
const NOT_A_FUNCTIONS: [&str; 12] = [
    "API_TOKENS",
    "APP_DATABASE_PASSWORD",
    "AUDIT_KEY_FILE",
    "AUDIT_SEALS_FOLDER",
    "AUTH_USERS",
    "BACKUP_DATABASE_PASSWORD",
    "BACKUP_FOLDER",
    "DATABASE_POOL_SIZE",
    "DRILL_DATABASE_URL",
    "MAINTENANCE_DATABASE_PASSWORD",
    "METRICS_DATABASE_PASSWORD",
    "SECRETS_ARN",
];

/// Of these, what the backup function is given. Drills restore as the owner, so no other function may see how.
const BACKUPS: [&str; 2] = ["BACKUP_FOLDER", "DRILL_DATABASE_URL"];

/// What was given wins over what was generated.
pub(super) struct LocalSettings {
    given: BTreeMap<String, String>,
}

impl LocalSettings {
    /// Generates the login secrets that were not given; nobody needs them after this run.
    pub(super) fn new(given: BTreeMap<String, String>, rng: &dyn Rng) -> Self {
        let mut settings = Self { given };
        let roles = ["APP", "BACKUP", "MAINTENANCE", "METRICS"];
        for name in roles.map(|role| format!("{role}_DATABASE_PASSWORD")) {
            settings.provide(&name, || rng.base62(32));
        }
        settings
    }

    /// The value of a setting; an empty one counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets what was not given.
    pub(super) fn provide(&mut self, name: &str, value: impl FnOnce() -> String) {
        if self.get(name).is_none() {
            self.given.insert(name.to_owned(), value());
        }
    }

    /// For the migration.
    pub(super) fn owner(&self, database: &Database) -> Settings {
        self.with(&database.owner_url(), None)
    }

    /// For the functions on `holdfast_app`.
    pub(super) fn app(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.app_url(database)?, Some(APP_POOL)))
    }

    /// For the metrics function.
    pub(super) fn metrics(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.metrics_url(database)?, Some(METRICS_POOL)))
    }

    /// For the backup function, which locally keeps its dumps in a folder, and drills on the same server.
    pub(super) fn backup(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.backup_url(database)?, None))
    }

    /// For maintenance.
    pub(super) fn maintenance(&self, database: &Database) -> anyhow::Result<Settings> {
        let url = database.url(MAINTENANCE_ROLE, &self.secret("MAINTENANCE_DATABASE_PASSWORD"))?;
        Ok(self.with(&url, None))
    }

    /// For a function of its own process, with one of the URLs below.
    pub(super) fn function<'a>(&'a self, database_url: &'a SecretString) -> BTreeMap<&'a str, &'a str> {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let given = given.filter(|(name, value)| !value.is_empty() && !NOT_A_FUNCTIONS.contains(name));
        // The last value of a name counts.
        given.chain(own(database_url)).collect()
    }

    /// The same for the backup function.
    pub(super) fn backup_function<'a>(&'a self, database_url: &'a SecretString) -> BTreeMap<&'a str, &'a str> {
        let mut settings = self.function(database_url);
        settings.extend(BACKUPS.iter().filter_map(|name| Some((*name, self.get(name)?))));
        settings
    }

    /// The database as `holdfast_app` reaches it.
    pub(super) fn app_url(&self, database: &Database) -> anyhow::Result<SecretString> {
        database.url(APP_ROLE, &self.secret("APP_DATABASE_PASSWORD"))
    }

    /// The database as the metrics function reaches it.
    pub(super) fn metrics_url(&self, database: &Database) -> anyhow::Result<SecretString> {
        database.url(METRICS_ROLE, &self.secret("METRICS_DATABASE_PASSWORD"))
    }

    /// The database as the backup function reaches it.
    pub(super) fn backup_url(&self, database: &Database) -> anyhow::Result<SecretString> {
        database.url(BACKUP_ROLE, &self.secret("BACKUP_DATABASE_PASSWORD"))
    }

    fn secret(&self, name: &str) -> SecretString {
        SecretString::from(self.get(name).unwrap_or_default().to_owned())
    }

    fn with(&self, database_url: &SecretString, pool: Option<&str>) -> Settings {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pool = pool.map(|size| ("DATABASE_POOL_SIZE", size));
        // The first value of a name counts.
        Settings::given(
            own(database_url).into_iter().chain(given).chain(pool).map(|(name, value)| (name, value.to_owned())),
        )
    }
}

/// What a local run decides itself, whatever was given.
fn own(database_url: &SecretString) -> [(&str, &str); 2] {
    [("APP_ENV", "local"), ("DATABASE_URL", database_url.expose_secret())]
}
