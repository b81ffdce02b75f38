//! The settings of a run.

use std::time::Duration;

use holdfast_shared::config::{Config, Environment, Needs, Settings};
use holdfast_shared::identity::audit_pins::AuditPins;
use holdfast_shared::vault::Providers;

use crate::error::BackupError;
use crate::login::Login;
use crate::programs::Programs;
use crate::store::BackupStore;

/// Lambda ends a run after 15 minutes. The rest is for cleaning up after a run that took too long.
const TIME_LIMIT: Duration = Duration::from_mins(14);

/// The settings of a run.
#[derive(Debug)]
pub struct Plan {
    /// Access to the database, as the backup role or the owner.
    pub database: Login,
    /// Access to the server that drills restore to, as a role with CREATEDB; none if there are no drills.
    pub drill: Option<Login>,
    /// The store of backups.
    pub store: BackupStore,
    /// PostgreSQL's programs.
    pub programs: Programs,
    /// Providers of the vault's keys, for the canary; none if no vault is configured.
    pub vault: Option<Providers>,
    /// The audit keys whose seals count.
    pub audit_pins: AuditPins,
    /// Time limit of a run.
    pub time_limit: Duration,
}

impl Plan {
    /// Reads the plan from the settings. `DATABASE_URL` is the backup role's, or the owner's.
    pub async fn from_settings(settings: &Settings) -> Result<Self, BackupError> {
        let config = Config::from_settings(settings, Needs::default())?;
        let deployed = config.environment != Environment::Local;
        let ca_file = config.database_ca_file.clone();
        let drill = settings.database_url("DRILL_DATABASE_URL")?;
        Ok(Self {
            store: BackupStore::from_settings(settings, deployed).await?,
            programs: Programs::system(),
            vault: Providers::from_config(&config).await.map_err(BackupError::Canary)?,
            audit_pins: AuditPins::from_config(&config),
            drill: drill.map(|url| Login::new(url, ca_file.clone())).transpose()?,
            database: Login::new(config.database_url, ca_file)?,
            time_limit: TIME_LIMIT,
        })
    }
}
