//! Settings of a local run for each of its parts: the given ones, completed by generated ones, with the database role that the
//! part has in a deployment.

use std::collections::BTreeMap;

use anyhow::Context;
use holdfast_shared::config::Settings;
use holdfast_shared::db::{LOGINS, login_of};
use holdfast_shared::rng::Rng;
use secrecy::{ExposeSecret, SecretString};

use super::database::Database;

/// Pool size of a function: the number of its requests that are served concurrently.
const POOL: &str = "8";

/// Settings that are not passed to a function in another process: those of the migration, backups, maintenance, and of the
/// environment that it runs in.
const NOT_A_FUNCTIONS: [&str; 11] = [
    "API_TOKENS",
    "AUDIT_KEY_FILE",
    "AUDIT_RESTORED_OVER",
    "AUDIT_SEALS_FOLDER",
    "AUDIT_WITNESS_FOLDER",
    "AUTH_USERS",
    "BACKUP_FOLDER",
    "BACKUP_SIGNING_KEY_FILE",
    "DATABASE_POOL_SIZE",
    "DRILL_DATABASE_URL",
    "SECRETS_ARN",
];

/// Settings of these that are passed to the backup function. Drills restore as the owner, so no other function may have them.
const BACKUPS: [&str; 3] = ["BACKUP_FOLDER", "BACKUP_SIGNING_KEY_FILE", "DRILL_DATABASE_URL"];

/// Settings of a local run. A given setting takes precedence over a generated one.
pub(super) struct LocalSettings {
    given: BTreeMap<String, String>,
}

impl LocalSettings {
    /// Generates the login secrets that are not given; they are used in this run only.
    pub(super) fn new(given: BTreeMap<String, String>, rng: &dyn Rng) -> Self {
        let mut settings = Self { given };
        for login in LOGINS {
            settings.provide(login.password_setting, || rng.base62(32));
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
        self.with(Some(&database.owner_url()))
    }

    /// Settings for a function, with its own login; for one without a database, with none.
    pub(super) fn of(&self, function: &str, database: &Database) -> anyhow::Result<Settings> {
        Ok(self.with(self.url(function, database)?.as_ref()))
    }

    /// Settings for a function in another process.
    pub(super) fn apart<'a>(
        &'a self,
        function: &str,
        database_url: Option<&'a SecretString>,
    ) -> BTreeMap<&'a str, &'a str> {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let passwords = |name: &str| LOGINS.iter().any(|login| login.password_setting == name);
        let given = given.filter(|(name, value)| {
            let not_its = NOT_A_FUNCTIONS.contains(name) && !(function == "backup" && BACKUPS.contains(name));
            !value.is_empty() && *name != "DATABASE_URL" && !not_its && !passwords(name)
        });
        // The last value of a name counts.
        given.chain(own(database_url)).collect()
    }

    /// URL of the database with the login of a function; none where it has none.
    pub(super) fn url(&self, function: &str, database: &Database) -> anyhow::Result<Option<SecretString>> {
        let Some(login) = login_of(function) else { return Ok(None) };
        let password = self.get(login.password_setting).context("a local run provides the password of every login")?;
        database.url(login.role, &SecretString::from(password)).map(Some)
    }

    fn with(&self, database_url: Option<&SecretString>) -> Settings {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let given = given.filter(|(name, _)| *name != "DATABASE_URL");
        // The first value of a name counts.
        let all = own(database_url).chain(given).chain([("DATABASE_POOL_SIZE", POOL)]);
        Settings::given(all.map(|(name, value)| (name, value.to_owned())))
    }
}

/// Settings that a local run always sets itself.
fn own(database_url: Option<&SecretString>) -> impl Iterator<Item = (&str, &str)> {
    let database_url = database_url.map(|url| ("DATABASE_URL", url.expose_secret()));
    std::iter::once(("APP_ENV", "local")).chain(database_url)
}
