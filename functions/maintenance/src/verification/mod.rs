//! The independent verifier: compares the stored seals with the database, as a role that can write neither. It trusts the
//! stores and the pinned keys, and nothing that the database says.

mod database;
mod finding;
mod history;

use std::path::PathBuf;

use holdfast_shared::audit::PinnedKeys;
use holdfast_shared::config::{Config, Environment, Needs, Settings};
use holdfast_shared::identity::key_pins::KeyPins;
use secrecy::SecretString;
use serde::Serialize;

use crate::error::{MaintenanceError, TaskError};
use crate::store::SealStore;

use database::DatabaseSeals;
pub use finding::{Finding, FindingKind};
use history::History;

/// The role that reads everything and writes nothing.
const SET_ROLE: &str = "SET ROLE holdfast_backup";

/// Settings of a verification.
pub struct VerificationPlan {
    /// URL of the database, as the role that reads everything, or the owner's.
    pub database_url: SecretString,
    /// The database's certificate authority, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// The audit keys that count.
    pub pins: PinnedKeys,
    /// The store of seals.
    pub store: SealStore,
    /// The second store; none if no witness is configured.
    pub witness: Option<SealStore>,
    /// Number of the newest seals to compare; none for all.
    pub newest: Option<usize>,
}

/// Result of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Number of seals in the store.
    pub seals: usize,
    /// Number of those that were compared, with their rows.
    pub compared: usize,
    /// Number of rows that were compared.
    pub rows: u64,
    /// Restores that seals record, for a person to confirm: the seal, and the newest seal that was given up.
    pub restores: Vec<(u64, u64)>,
    /// What differs. Empty where everything is as it was sealed.
    pub findings: Vec<Finding>,
}

impl VerificationPlan {
    /// Reads the plan from the settings, with another store than theirs where one is given. It compares the rows of all seals.
    ///
    /// # Errors
    /// A setting is missing or weak, or KMS does not return the public audit key.
    pub async fn from_settings(settings: &Settings, store: Option<SealStore>) -> Result<Self, MaintenanceError> {
        let config = Config::from_settings(settings, Needs::DATABASE)?;
        let deployed = config.environment != Environment::Local;
        let pins = KeyPins::audit(&config);
        let pins = pins.get().await.map_err(|error| MaintenanceError::AuditKey(error.to_string()))?.clone();
        let days = settings.number("AUDIT_RETENTION_DAYS")?;
        let store = match store {
            Some(store) => store,
            None => SealStore::from_settings(settings, deployed, days).await?,
        };
        Ok(Self {
            database_url: config.database_url()?.clone(),
            database_ca_file: config.database_ca_file,
            pins,
            store,
            witness: SealStore::witness(settings, deployed, days).await?,
            newest: None,
        })
    }
}

/// Compares the stores with the database.
///
/// # Errors
/// The database or a store cannot be read: nothing is known.
pub async fn verify(plan: &VerificationPlan) -> Result<Verification, MaintenanceError> {
    let client = holdfast_shared::db::connect_maintenance(&plan.database_url, plan.database_ca_file.as_deref()).await?;
    client
        .batch_execute(SET_ROLE)
        .await
        .map_err(|error| MaintenanceError::Verifier(holdfast_shared::db::cause(&error)))?;
    let found = compare(plan, &client).await;
    found.map_err(|error| MaintenanceError::Tasks(format!("verify: {error}")))
}

async fn compare(plan: &VerificationPlan, client: &tokio_postgres::Client) -> Result<Verification, TaskError> {
    let mut findings = Vec::new();
    let keys = database::keys(client, &plan.pins, &mut findings).await?;
    let history = History::read(&plan.store, &keys, plan.newest, &mut findings).await?;
    let database = DatabaseSeals::read(client, keys, history.first()).await?;
    if let Some(witness) = &plan.witness {
        history.compare_witness(witness, &mut findings).await?;
    }
    database.compare(&history, &mut findings);
    let mut rows = 0;
    for seal in &history.seals {
        rows += database::compare_rows(client, &plan.store, &history, seal, &mut findings).await?;
    }
    database::compare_rest(client, &mut findings).await?;
    Ok(Verification {
        seals: history.objects(),
        compared: history.seals.len(),
        rows,
        restores: history.restores.clone(),
        findings,
    })
}
