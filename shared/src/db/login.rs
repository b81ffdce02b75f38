//! Logging in while the password rotates: an instance uses the password that it read at start until the server rejects
//! it. Then it reads the password again: Secrets Manager's current version, or the pending one that a rotation is about to
//! make current, which is the only one that the server accepts in between. So no rotation fails a request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::cause;
use crate::aws::Stage;

/// Minimum time between two reads: a password that stays wrong must not make every request call Secrets Manager.
const PAUSE: Duration = Duration::from_secs(5);

/// Source of a login whose password rotates.
pub trait Credentials: Send + Sync {
    /// Reads the client configuration with the password of this stage.
    ///
    /// # Errors
    /// The cause in one line, without the password.
    fn read(&self, stage: Stage) -> BoxFuture<'_, Result<Config, String>>;
}

/// Opens the pool's connections.
pub(super) struct Login {
    tls: MakeRustlsConnect,
    credentials: Option<Box<dyn Credentials>>,
    known: Mutex<Known>,
}

struct Known {
    config: Config,
    read_at: Option<Instant>,
}

impl Login {
    /// Starts with a known configuration. With `credentials`, the password is read again once the server rejects it.
    pub(super) fn new(config: Config, tls: MakeRustlsConnect, credentials: Option<Box<dyn Credentials>>) -> Self {
        Self { tls, credentials, known: Mutex::new(Known { config, read_at: None }) }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // No code panics while it holds the lock, and the value is consistent at all times.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn log_in(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let config = self.known().config.clone();
        let (rejection, credentials) = match (self.open(&config).await, &self.credentials) {
            (Err(error), Some(credentials)) if rejects_password(&error) => (error, credentials),
            (opened, _) => return opened,
        };
        if !self.may_read() {
            return Err(rejection);
        }
        for stage in [Stage::Current, Stage::Pending] {
            let read = match credentials.read(stage).await {
                Ok(read) if read.get_password() == config.get_password() => continue,
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(stage = stage.label(), error, "the database password could not be read again");
                    continue;
                }
            };
            match self.open(&read).await {
                Err(error) if rejects_password(&error) => {}
                Err(error) => return Err(error),
                Ok(opened) => {
                    tracing::info!(stage = stage.label(), "the database password has changed and was read again");
                    self.known().config = read;
                    return Ok(opened);
                }
            }
        }
        Err(rejection)
    }

    /// Returns whether [`PAUSE`] has passed since the last read; if so, starts it again.
    fn may_read(&self) -> bool {
        let mut known = self.known();
        let may = known.read_at.is_none_or(|read_at| read_at.elapsed() >= PAUSE);
        if may {
            known.read_at = Some(Instant::now());
        }
        may
    }

    async fn open(&self, config: &Config) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, connection) = config.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = cause(&error), "the connection to the database ended");
            }
        });
        Ok((client, task))
    }
}

impl Connect for Login {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        self.log_in().boxed()
    }
}

fn rejects_password(error: &Error) -> bool {
    error.code() == Some(&SqlState::INVALID_PASSWORD)
}
