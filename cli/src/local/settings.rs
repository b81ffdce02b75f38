//! Settings of a local run for each of its parts: the given ones, completed by generated ones, with the database role that the
//! part has in a deployment.

use std::collections::BTreeMap;

use holdfast_migrate::{APP_ROLE, BACKUP_ROLE, MAINTENANCE_ROLE, METRICS_ROLE};
use holdfast_shared::config::Settings;
use holdfast_shared::rng::Rng;
use secrecy::{ExposeSecret, SecretString};

use super::database::Database;

/// Pool size of the functions on `holdfast_app`: the number of requests served concurrently.
const APP_POOL: &str = "16";
/// Pool size of the metrics function.
const METRICS_POOL: &str = "2";

/// Settings that are not passed to a function in another process: those of the migration, backups, maintenance, and of the
/// environment that it runs in.
const NOT_A_FUNCTIONS: [&str; 14] = [
    "API_TOKENS",
    "APP_DATABASE_PASSWORD",
    "AUDIT_KEY_FILE",
    "AUDIT_RESTORED_OVER",
    "AUDIT_SEALS_FOLDER",
    "AUDIT_WITNESS_FOLDER",
    "AUTH_USERS",
    "BACKUP_DATABASE_PASSWORD",
    "BACKUP_FOLDER",
    "DATABASE_POOL_SIZE",
    "DRILL_DATABASE_URL",
    "MAINTENANCE_DATABASE_PASSWORD",
    "METRICS_DATABASE_PASSWORD",
    "SECRETS_ARN",
];

/// Settings of these that are passed to the backup function. Drills restore as the owner, so no other function may have them.
const BACKUPS: [&str; 2] = ["BACKUP_FOLDER", "DRILL_DATABASE_URL"];

/// Settings of a local run. A given setting takes precedence over a generated one.
pub(super) struct LocalSettings {
    given: BTreeMap<String, String>,
}

impl LocalSettings {
    /// Generates the login secrets that are not given; they are used in this run only.
    pub(super) fn new(given: BTreeMap<String, String>, rng: &dyn Rng) -> Self {
        let mut settings = Self { given };
        let roles = ["APP", "BACKUP", "MAINTENANCE", "METRICS"];
        for name in roles.map(|role| format!("{role}_DATABASE_PASSWORD")) {
            settings.provide(&name, || rng.base62(32));
        }
        settings
    }

    /// Returns the value of a setting; an empty value counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a setting that is not given.
    pub(super) fn provide(&mut self, name: &str, value: impl FnOnce() -> String) {
        if self.get(name).is_none() {
            self.given.insert(name.to_owned(), value());
        }
    }

    /// Sets a setting, also where it is given.
    pub(super) fn replace(&mut self, name: &str, value: String) {
        self.given.insert(name.to_owned(), value);
    }

    /// Settings for the migration.
    pub(super) fn owner(&self, database: &Database) -> Settings {
        self.with(&database.owner_url(), None)
    }

    /// Settings for the functions on `holdfast_app`.
    pub(super) fn app(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.app_url(database)?, Some(APP_POOL)))
    }

    /// Settings for the metrics function.
    pub(super) fn metrics(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.metrics_url(database)?, Some(METRICS_POOL)))
    }

    /// Settings for the backup function, which locally writes dumps to a folder and drills on the same server.
    pub(super) fn backup(&self, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(&self.backup_url(database)?, None))
    }

    /// Settings for maintenance.
    pub(super) fn maintenance(&self, database: &Database) -> anyhow::Result<Settings> {
        let url = database.url(MAINTENANCE_ROLE, &self.secret("MAINTENANCE_DATABASE_PASSWORD"))?;
        Ok(self.with(&url, None))
    }

    /// Settings for a function in another process, with one of the URLs below.
    pub(super) fn function<'a>(&'a self, database_url: &'a SecretString) -> BTreeMap<&'a str, &'a str> {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let given = given.filter(|(name, value)| !value.is_empty() && !NOT_A_FUNCTIONS.contains(name));
        // The last value of a name counts.
        given.chain(own(database_url)).collect()
    }

    /// Settings for the backup function in another process.
    pub(super) fn backup_function<'a>(&'a self, database_url: &'a SecretString) -> BTreeMap<&'a str, &'a str> {
        let mut settings = self.function(database_url);
        settings.extend(BACKUPS.iter().filter_map(|name| Some((*name, self.get(name)?))));
        settings
    }

    /// URL of the database for `holdfast_app`.
    pub(super) fn app_url(&self, database: &Database) -> anyhow::Result<SecretString> {
        database.url(APP_ROLE, &self.secret("APP_DATABASE_PASSWORD"))
    }

    /// URL of the database for the metrics function.
    pub(super) fn metrics_url(&self, database: &Database) -> anyhow::Result<SecretString> {
        database.url(METRICS_ROLE, &self.secret("METRICS_DATABASE_PASSWORD"))
    }

    /// URL of the database for the backup function.
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

/// Settings that a local run always sets itself.
fn own(database_url: &SecretString) -> [(&str, &str); 2] {
    [("APP_ENV", "local"), ("DATABASE_URL", database_url.expose_secret())]
}
