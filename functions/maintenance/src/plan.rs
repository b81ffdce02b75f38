//! What a run works with, as the settings say.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_shared::config::{Config, ConfigError, Environment, Needs, Settings};
use holdfast_shared::vault::Providers;
use secrecy::SecretString;

use crate::error::MaintenanceError;
use crate::signer::AuditSigner;
use crate::store::Store;

/// Lambda lets a run go on for five minutes.
const TIME_LIMIT: Duration = Duration::from_mins(4);
/// As long as most rules ask for a year of audit logs, and a month to notice.
const RETENTION_DAYS: u16 = 400;
/// The database refuses to drop anything younger.
const LEAST_RETENTION_DAYS: u16 = 90;
const MAX_RETENTION_DAYS: u16 = 3650;

/// What a run works with.
pub struct Plan {
    /// How the maintenance role, or the owner, reaches the database.
    pub database_url: SecretString,
    /// The database's certificate authority, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// For how long a run begins new work.
    pub time_limit: Duration,
    /// How many rows a seal holds at most, unless one transaction has more.
    pub max_rows: u16,
    /// How long audit rows are kept.
    pub retention_days: u16,
    /// For how many days a deleted account can be restored.
    pub account_retention_days: u16,
    /// What unwraps and wraps the vault's data keys; none where no vault is configured.
    pub vault: Option<Providers>,
    /// The audit key.
    pub signer: AuditSigner,
    /// Where seals go.
    pub store: Store,
}

impl Plan {
    /// The plan that the settings ask for: `DATABASE_URL` is the maintenance role's, or the owner's.
    pub async fn from_settings(settings: &Settings) -> Result<Self, MaintenanceError> {
        let config = Config::from_settings(settings, Needs::default())?;
        let deployed = config.environment != Environment::Local;
        let retention_days = retention_days(settings)?;
        Ok(Self {
            account_retention_days: config.retention_days,
            vault: Providers::from_config(&config).await?,
            database_url: config.database_url,
            database_ca_file: config.database_ca_file,
            time_limit: TIME_LIMIT,
            max_rows: 10_000,
            retention_days,
            signer: AuditSigner::from_settings(settings, deployed).await?,
            store: Store::from_settings(settings, deployed, retention_days).await?,
        })
    }
}

fn retention_days(settings: &Settings) -> Result<u16, ConfigError> {
    let range = LEAST_RETENTION_DAYS..=MAX_RETENTION_DAYS;
    match settings.get("AUDIT_RETENTION_DAYS").map(str::parse) {
        None => Ok(RETENTION_DAYS),
        Some(Ok(days)) if range.contains(&days) => Ok(days),
        Some(_) => Err(ConfigError::new("AUDIT_RETENTION_DAYS", "not a number in range", "use 90 to 3650 days")),
    }
}
