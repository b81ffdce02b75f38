//! What a function holds while it runs: configuration, the database, keys, clock, randomness and counters.

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::db::Datastore;
use crate::identity::keys::KeyRing;
use crate::identity::signer::Signer;
use crate::problem::Problem;
use crate::rng::{Rng, SystemRng};
use crate::telemetry::metrics::Metrics;
use crate::vault::Vault;

/// The running function. Cheap to clone; one per process.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub db: Datastore,
    /// The keys that verify tokens and cursors.
    pub keys: Arc<KeyRing>,
    /// Signs access tokens; only the auth function has one.
    pub signer: Option<Signer>,
    /// Seals and opens secrets; none where no vault key is configured.
    pub vault: Option<Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// This instance's counters.
    pub metrics: Arc<Metrics>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Builds everything from a configuration and opens the first database connection, so that the first request
    /// finds it all warm. A database that cannot be reached yet is not an error: requests answer 503 until it can.
    pub async fn start(config: Config, function: &'static str) -> anyhow::Result<Self> {
        Self::start_with(config, function, Arc::new(SystemClock), Arc::new(SystemRng)).await
    }

    /// The vault.
    ///
    /// # Errors
    /// 500 where no vault key is configured: outside `APP_ENV=local` a function that needs one does not start without.
    pub fn vault(&self) -> Result<&Vault, Problem> {
        self.vault.as_ref().ok_or_else(|| {
            tracing::error!("no vault key is configured: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY");
            Problem::internal()
        })
    }

    /// As [`App::start`], with a clock and randomness of the caller's choice.
    pub async fn start_with(
        config: Config,
        function: &'static str,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> anyhow::Result<Self> {
        let keys = Arc::new(KeyRing::new(config.jwt_secret.as_ref()));
        let metrics = Arc::new(Metrics::new(rng.uuid(clock.now()), function, clock.now()));
        let db = Datastore::new(&config, Arc::clone(&keys), Arc::clone(&metrics))?;
        let signer = Signer::from_config(&config).await?;
        let vault = Vault::from_config(&config, &db, &clock, &rng, &metrics).await?;
        if let Err(error) = db.connect().await {
            tracing::warn!(%error, "the database cannot be reached yet");
        }
        Ok(Self::new(Parts { config, db, keys, signer, vault, clock, rng, metrics }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
