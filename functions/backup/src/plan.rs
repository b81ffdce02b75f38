//! What a run works with, as the settings say.

use std::time::Duration;

use holdfast_shared::config::{Config, Environment, Needs, Settings};
use holdfast_shared::vault::Providers;

use crate::error::BackupError;
use crate::login::Login;
use crate::programs::Programs;
use crate::store::Store;

/// Lambda lets a run go on for 15 minutes. What is left is for cleaning up after one that took too long.
const TIME_LIMIT: Duration = Duration::from_mins(14);

/// What a run works with.
#[derive(Debug)]
pub struct Plan {
    /// How the backup role, or the owner, reaches the database.
    pub database: Login,
    /// How a role that may make databases reaches the server that drills restore to; none where there are no drills.
    pub drill: Option<Login>,
    /// Where backups are.
    pub store: Store,
    /// Where PostgreSQL's programs are.
    pub programs: Programs,
    /// The vault's keys, for the canary; none where no vault is configured.
    pub vault: Option<Providers>,
    /// How long a run may take.
    pub time_limit: Duration,
}

impl Plan {
    /// The plan that the settings ask for: `DATABASE_URL` is the backup role's, or the owner's.
    pub async fn from_settings(settings: &Settings) -> Result<Self, BackupError> {
        let config = Config::from_settings(settings, Needs::default())?;
        let deployed = config.environment != Environment::Local;
        let ca_file = config.database_ca_file.clone();
        let drill = settings.database_url("DRILL_DATABASE_URL")?;
        Ok(Self {
            store: Store::from_settings(settings, deployed).await?,
            programs: Programs::system(),
            vault: Providers::from_config(&config).await.map_err(BackupError::Canary)?,
            drill: drill.map(|url| Login::new(url, ca_file.clone())).transpose()?,
            database: Login::new(config.database_url, ca_file)?,
            time_limit: TIME_LIMIT,
        })
    }
}
