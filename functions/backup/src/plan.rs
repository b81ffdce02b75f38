//! The settings of a run.

use std::time::Duration;

use holdfast_shared::config::{Config, Environment, Needs, Settings};
use holdfast_shared::identity::key_pins::KeyPins;
use holdfast_shared::vault::Providers;

use crate::error::BackupError;
use crate::login::Login;
use crate::signer::{self, SigningKey};
use crate::store::BackupStore;

/// Lambda ends a run after 15 minutes. The rest is for cleaning up after a run that took too long.
const TIME_LIMIT: Duration = Duration::from_mins(14);

/// The settings of a run.
#[derive(Debug)]
pub struct Plan {
    /// Access to the database, as the backup role or the owner.
    pub database: Login,
    /// Access to the server that drills restore to, as a role that may create databases and roles there; none if there are
    /// no drills.
    pub drill: Option<Login>,
    /// Permits drills on the server of the database. Local use: a deployment drills on a server of its own.
    pub may_share_server: bool,
    /// The store of backups.
    pub store: BackupStore,
    /// The key that signs backups; none if there are only drills.
    pub signing_key: Option<SigningKey>,
    /// The keys whose backups are restored.
    pub backup_pins: KeyPins,
    /// Providers of the vault's keys, for the canary; none if no vault is configured.
    pub vault: Option<Providers>,
    /// The audit keys whose seals count.
    pub audit_pins: KeyPins,
    /// Time limit of a run.
    pub time_limit: Duration,
}

impl Plan {
    /// Reads the plan from the settings. `DATABASE_URL` is the backup role's, or the owner's.
    pub async fn from_settings(settings: &Settings) -> Result<Self, BackupError> {
        let config = Config::from_settings(settings, Needs::DATABASE)?;
        let deployed = config.environment != Environment::Local;
        let ca_file = config.database_ca_file.clone();
        let drill = settings.database_url("DRILL_DATABASE_URL")?;
        let store = BackupStore::from_settings(settings, deployed).await?;
        let signing_key = SigningKey::from_settings(settings, deployed)?;
        Ok(Self {
            store,
            backup_pins: signer::pins(settings, signing_key.as_ref())?,
            signing_key,
            vault: Providers::from_config(&config).await.map_err(BackupError::Canary)?,
            audit_pins: KeyPins::audit(&config),
            drill: drill.map(|url| Login::new(url, ca_file.clone())).transpose()?,
            may_share_server: !deployed,
            database: Login::new(config.database_url()?.clone(), ca_file)?,
            time_limit: TIME_LIMIT,
        })
    }
}
