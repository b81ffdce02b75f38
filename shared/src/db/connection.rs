//! Opening connections: verified TLS, timeouts, a schema that this build knows, and the public keys on the way in.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use secrecy::ExposeSecret;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::SCHEMA_VERSIONS;
use super::login::Login;
use crate::config::Config;
use crate::identity::keys::KeyRing;
use crate::tls::{self, TlsError};

/// Server-side limits of every connection: no statement, lock or forgotten transaction holds up others for long.
const SESSION_OPTIONS: &str =
    "-c statement_timeout=8s -c lock_timeout=3s -c idle_in_transaction_session_timeout=10s -c TimeZone=UTC -c jit=off";

/// What an instance asks for before its first request: the schema's version, the public signing keys, the cursor key.
pub(super) const START: &str = "SELECT schema_version, signing_keys, cursor_key FROM start_instance()";

/// The connection settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL does not parse. What is wrong is said without the URL, which holds a password.
    #[error(
        "DATABASE_URL is not a PostgreSQL URL ({0}); write postgres://user:password@host:5432/name?sslmode=verify-full"
    )]
    Url(String),
    /// The certificate file does not serve.
    #[error("DATABASE_CA_FILE cannot be used ({0}); give a PEM file with the server's certificate authority")]
    Authority(String),
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Authority(cause) => Self::Authority(cause),
            TlsError::Refused(error) => Self::Tls(error),
        }
    }
}

/// `DATABASE_URL` as a function's client configuration. `sslmode=verify-full` is what every encrypted connection here
/// does.
pub(crate) fn client_config(url: &str) -> Result<tokio_postgres::Config, ConnectError> {
    config_with(url, SESSION_OPTIONS)
}

/// As [`client_config`], with other limits.
pub(super) fn config_with(url: &str, options: &str) -> Result<tokio_postgres::Config, ConnectError> {
    let verified = url.contains("sslmode=verify-full");
    let mut config: tokio_postgres::Config = url
        .replace("sslmode=verify-full", "sslmode=require")
        .parse()
        .map_err(|error: tokio_postgres::Error| ConnectError::Url(error.to_string()))?;
    if verified {
        config.ssl_mode(SslMode::Require);
    }
    config
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(30))
        .application_name("holdfast");
    if config.get_options().is_none() {
        config.options(options);
    }
    Ok(config)
}

/// A TLS connector that verifies the chain and the host's name, against `DATABASE_CA_FILE` or the public authorities.
pub(crate) fn tls(ca_file: Option<&std::path::Path>) -> Result<MakeRustlsConnect, ConnectError> {
    Ok(MakeRustlsConnect::new(tls::client(ca_file, rustls::DEFAULT_VERSIONS)?))
}

/// Whether this build serves a schema of this version.
pub(super) fn serves(version: i32) -> Result<(), String> {
    if SCHEMA_VERSIONS.contains(&version) {
        return Ok(());
    }
    let (first, last) = (SCHEMA_VERSIONS.start(), SCHEMA_VERSIONS.end());
    Err(format!(
        "the schema is at version {version}, this build serves {first} to {last}; run the migrate function of this build"
    ))
}

pub(super) fn pool(config: &Config, keys: Arc<KeyRing>) -> Result<Pool, ConnectError> {
    let client = client_config(config.database_url.expose_secret())?;
    let login = Login::new(client.clone(), tls(config.database_ca_file.as_deref())?, config.password_rotates);
    let manager = Manager::from_connect(client, login, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager)
        .max_size(config.pool_size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_secs(5)))
        .create_timeout(Some(Duration::from_secs(5)))
        .post_create(Hook::async_fn(move |client, _| {
            let keys = Arc::clone(&keys);
            Box::pin(async move {
                let row = client.query_typed(START, &[]).await.map_err(HookError::Backend)?;
                let row = row.first().ok_or_else(|| {
                    HookError::message("the database has no Holdfast schema; run the migrate function")
                })?;
                serves(row.try_get(0).map_err(HookError::Backend)?).map_err(HookError::message)?;
                let signing = row.try_get(1).map_err(HookError::Backend)?;
                keys.load(signing, row.try_get(2).map_err(HookError::Backend)?);
                Ok(())
            })
        }))
        .build();
    // Building fails only without a runtime for the timeouts, and there is one above.
    pool.map_err(|error| ConnectError::Url(error.to_string()))
}

/// Why there is no connection, in one line, for the log. Many errors repeat their cause; the line does not.
pub fn cause(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !line.ends_with(&words) {
            line = format!("{line}: {words}");
        }
        cause = deeper.source();
    }
    line
}
