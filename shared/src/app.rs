//! The state of a running function: configuration, database, keys, clock, random source and counters.

use std::ops::Deref;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::audit::PinnedKeys;
use crate::aws::Stage;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings};
use crate::db::{self, Credentials, Datastore, DbError, PoolSettings};
use crate::identity::key_pins::KeyPins;
use crate::identity::keys::KeyRing;
use crate::identity::signer::Signer;
use crate::problem::{Code, Problem};
use crate::rng::{Rng, SystemRng};
use crate::telemetry::metrics::Metrics;
use crate::vault::Vault;

/// A running function. Cheap to clone; one per process.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Configuration.
    pub config: Config,
    /// Database.
    pub db: Datastore,
    /// Keys that verify tokens and cursors.
    pub keys: Arc<KeyRing>,
    /// Signer of access tokens; only the auth function has one.
    pub signer: Option<Signer>,
    /// Vault; none if no vault key is configured.
    pub vault: Option<Vault>,
    /// Signing keys that count without a certificate.
    pub signing_roots: KeyPins,
    /// Audit keys whose seals count.
    pub audit_pins: KeyPins,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random source.
    pub rng: Arc<dyn Rng>,
    /// Counters of this instance.
    pub metrics: Arc<Metrics>,
}

impl App {
    /// Assembles the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Builds the parts from a configuration and opens the first database connection, so that the first request finds
    /// everything warm. An unreachable database is not an error: requests get 503 until it is reachable.
    ///
    /// # Errors
    /// The configuration is unusable.
    pub async fn start(config: Config, function: &'static str) -> anyhow::Result<Self> {
        Self::start_with(config, function, Arc::new(SystemClock), Arc::new(SystemRng)).await
    }

    /// Starts like [`App::start`], with another clock and random source.
    ///
    /// # Errors
    /// The configuration is unusable.
    pub async fn start_with(
        config: Config,
        function: &'static str,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> anyhow::Result<Self> {
        let keys = Arc::new(KeyRing::new(config.jwt_secret.as_ref()));
        let metrics = Arc::new(Metrics::new(rng.uuid(clock.now()), function, clock.now()));
        let db = match config.database_url() {
            Ok(_) => datastore(&config, &keys, &metrics)?,
            Err(_) => Datastore::none(Arc::clone(&metrics)),
        };
        let signer = Signer::from_config(&config).await?;
        let vault = Vault::from_config(&config, &db, &clock, &rng, &metrics).await?;
        let signing_roots = KeyPins::signing(&config)?;
        let connect = async { if db.exists() { db.connect().await } else { Ok(()) } };
        let (connected, roots) = tokio::join!(connect, signing_roots.get());
        if let Err(error) = connected {
            tracing::warn!(%error, "the database is not reachable yet");
        }
        match roots {
            Ok(roots) => keys.pin(roots),
            Err(error) => tracing::warn!(%error, "KMS does not return the public half of SIGNING_KMS_KEY_ID yet"),
        }
        let audit_pins = KeyPins::audit(&config);
        Ok(Self::new(Parts { config, db, keys, signer, vault, signing_roots, audit_pins, clock, rng, metrics }))
    }

    /// The vault.
    ///
    /// # Errors
    /// 500 if no vault key is configured: outside `APP_ENV=local` a function that needs one does not start without.
    pub fn vault(&self) -> Result<&Vault, Problem> {
        self.vault.as_ref().ok_or_else(|| {
            tracing::error!("no vault key is configured: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY");
            Problem::internal()
        })
    }

    /// The audit keys whose seals count.
    ///
    /// # Errors
    /// 503 if KMS does not return the public half of the configured key.
    pub async fn audit_pins(&self) -> Result<&PinnedKeys, Problem> {
        self.audit_pins.get().await.map_err(|error| {
            tracing::error!(%error, "KMS does not return the public audit key; check AUDIT_KMS_KEY_ID and kms:GetPublicKey");
            Problem::new(Code::Unavailable, "The audit key cannot be read at the moment.")
        })
    }

    /// Loads the public keys again for a token whose key is unknown here, at most once in ten seconds: invented key names
    /// must not cause work. Returns whether it loaded any.
    ///
    /// # Errors
    /// 503 if no connection has delivered the keys yet, and none can be opened, or KMS does not return the root key.
    pub async fn reload_keys(&self, now: Timestamp) -> Result<bool, Problem> {
        let pinned = self.keys.is_pinned();
        if !pinned {
            self.pin_roots().await?;
        }
        if !self.keys.is_loaded() {
            self.db.connect().await?;
        } else if self.keys.may_reload(now) {
            self.load_keys().await?;
        } else {
            return Ok(!pinned);
        }
        Ok(true)
    }

    /// Loads the public keys with their certificates again, for a token of a key that is stored: such a name cannot be invented, so
    /// that this is not limited.
    ///
    /// # Errors
    /// 503 if the database does not answer, or KMS does not return the root key.
    pub async fn load_certificates(&self) -> Result<(), Problem> {
        if !self.keys.is_pinned() {
            self.pin_roots().await?;
        }
        Ok(self.load_keys().await?)
    }

    /// Loads the public keys again.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load_keys(&self) -> Result<(), DbError> {
        let start = self.db.start().await?;
        self.keys.load(start.signing_keys, start.cursor_key);
        Ok(())
    }

    async fn pin_roots(&self) -> Result<(), Problem> {
        let roots = self.signing_roots.get().await.map_err(|error| {
            tracing::error!(%error, "KMS does not return the public signing key; check SIGNING_KMS_KEY_ID and kms:GetPublicKey");
            Problem::unavailable()
        })?;
        self.keys.pin(roots);
        Ok(())
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The database of a configuration. Each new connection loads the keys.
pub(crate) fn datastore(config: &Config, keys: &Arc<KeyRing>, metrics: &Arc<Metrics>) -> anyhow::Result<Datastore> {
    let keys = Arc::clone(keys);
    let settings = PoolSettings {
        client: db::client_config(config.database_url()?.expose_secret())?,
        ca_file: config.database_ca_file.clone(),
        max_connections: config.pool_size,
        credentials: config.password_rotates.then(|| Box::new(RotatingSecret) as Box<dyn Credentials>),
        on_connect: Box::new(move |start| keys.load(start.signing_keys, start.cursor_key)),
    };
    Ok(Datastore::new(settings, Arc::clone(metrics))?)
}

/// The database login in Secrets Manager, whose password rotates.
struct RotatingSecret;

impl Credentials for RotatingSecret {
    fn read(&self, stage: Stage) -> BoxFuture<'_, Result<tokio_postgres::Config, String>> {
        async move {
            let settings = Settings::at(stage).await.map_err(|error| error.to_string())?;
            let url = settings.database_url("DATABASE_URL").map_err(|error| error.to_string())?;
            let url = url.ok_or_else(|| "the secret no longer has a DATABASE_URL".to_owned())?;
            db::client_config(url.expose_secret()).map_err(|error| error.to_string())
        }
        .boxed()
    }
}
