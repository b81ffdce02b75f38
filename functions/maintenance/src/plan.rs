//! The settings of a run.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_shared::audit::{Hash, PinnedKeys};
use holdfast_shared::config::{Config, ConfigError, Environment, Needs, Settings};
use holdfast_shared::vault::Providers;
use secrecy::SecretString;

use crate::error::MaintenanceError;
use crate::signer::AuditSigner;
use crate::store::SealStore;

/// The function's timeout on Lambda is five minutes.
const TIME_LIMIT: Duration = Duration::from_mins(4);

/// The settings of a run.
pub struct Plan {
    /// URL of the database, as the maintenance role or the owner.
    pub database_url: SecretString,
    /// The database's certificate authority, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// Time after which a run begins no new work.
    pub time_limit: Duration,
    /// Limit of the rows in a seal. Exceeded only by a single transaction with more rows.
    pub max_rows: u16,
    /// Days that audit rows are kept.
    pub retention_days: u16,
    /// Days in which a deleted account can be restored.
    pub account_retention_days: u16,
    /// Providers that wrap and unwrap the vault's data keys; none if no vault is configured.
    pub vault: Option<Providers>,
    /// The audit key.
    pub signer: AuditSigner,
    /// The store of seals.
    pub store: SealStore,
    /// A second store, which somebody else owns; none if no witness is configured.
    pub witness: Option<SealStore>,
    /// The audit keys that count: the signer's, and those before it.
    pub pins: PinnedKeys,
    /// Digest of the newest stored seal, where a backup was restored that lacks it.
    pub restored_over: Option<Hash>,
}

impl Plan {
    /// Reads the plan from the settings. `DATABASE_URL` is the maintenance role's, or the owner's.
    pub async fn from_settings(settings: &Settings) -> Result<Self, MaintenanceError> {
        let config = Config::from_settings(settings, Needs::DATABASE)?;
        let deployed = config.environment != Environment::Local;
        let retention_days = settings.number("AUDIT_RETENTION_DAYS")?;
        let signer = AuditSigner::from_settings(settings, deployed).await?;
        let mut pins = PinnedKeys::new(config.audit_key_ids.iter().cloned());
        pins.pin(&signer.public);
        Ok(Self {
            account_retention_days: config.retention_days,
            vault: Providers::from_config(&config).await?,
            database_url: config.database_url()?.clone(),
            database_ca_file: config.database_ca_file,
            time_limit: TIME_LIMIT,
            max_rows: 10_000,
            retention_days,
            store: SealStore::from_settings(settings, deployed, retention_days).await?,
            witness: SealStore::witness(settings, deployed, retention_days).await?,
            restored_over: restored_over(settings)?,
            pins,
            signer,
        })
    }

    /// Every store, the function's own first.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &SealStore> {
        std::iter::once(&self.store).chain(&self.witness)
    }
}

fn restored_over(settings: &Settings) -> Result<Option<Hash>, ConfigError> {
    let hash = settings.get("AUDIT_RESTORED_OVER").map(str::parse).transpose();
    hash.map_err(|_| ConfigError::of("AUDIT_RESTORED_OVER", "not 64 hexadecimal digits"))
}
