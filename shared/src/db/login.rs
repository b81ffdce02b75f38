//! Logging in while the password changes: the one that was read at start is used until the server refuses it. Then it is
//! read anew, from Secrets Manager's current version or from the one that a rotation is about to make current, which is
//! in between the only one that the server takes. So no rotation costs a request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::{cause, client_config};
use crate::config::{Settings, Stage};

/// A password that stays wrong must not make every request ask Secrets Manager.
const PAUSE: Duration = Duration::from_secs(5);

/// Opens the pool's connections.
pub(super) struct Login {
    tls: MakeRustlsConnect,
    rotates: bool,
    known: Mutex<Known>,
}

struct Known {
    config: Config,
    read_at: Option<Instant>,
}

impl Login {
    /// With what is known; where the password rotates, it is read anew once it is refused.
    pub(super) fn new(config: Config, tls: MakeRustlsConnect, rotates: bool) -> Self {
        Self { tls, rotates, known: Mutex::new(Known { config, read_at: None }) }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing panics while it holds the lock, and what is in there is whole at all times.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn log_in(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let config = self.known().config.clone();
        let refusal = match self.open(&config).await {
            Err(error) if self.rotates && refuses_password(&error) => error,
            answer => return answer,
        };
        if !self.may_read() {
            return Err(refusal);
        }
        for stage in [Stage::Current, Stage::Pending] {
            let read = match read(stage).await {
                Ok(read) if read.get_password() == config.get_password() => continue,
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(stage = stage.label(), error, "the database password could not be read anew");
                    continue;
                }
            };
            match self.open(&read).await {
                Err(error) if refuses_password(&error) => {}
                Err(error) => return Err(error),
                Ok(opened) => {
                    tracing::info!(stage = stage.label(), "the database password has changed, and was read anew");
                    self.known().config = read;
                    return Ok(opened);
                }
            }
        }
        Err(refusal)
    }

    /// Whether it is time to ask Secrets Manager again.
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

fn refuses_password(error: &Error) -> bool {
    error.code() == Some(&SqlState::INVALID_PASSWORD)
}

async fn read(stage: Stage) -> Result<Config, String> {
    let settings = Settings::at(stage).await.map_err(|error| error.to_string())?;
    let url = settings.database_url("DATABASE_URL").map_err(|error| error.to_string())?;
    let url = url.ok_or_else(|| "the secret has no DATABASE_URL any more".to_owned())?;
    client_config(url.expose_secret()).map_err(|error| error.to_string())
}
