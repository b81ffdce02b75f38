//! Opening connections: verified TLS, timeouts, a check of the schema's version, and the keys that come with each new
//! connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::login::{Credentials, Login};
use super::{FromRow, SCHEMA_VERSIONS, Sql};
use crate::config::database;
use crate::tls::{self, TlsError};

/// Server-side limits of every connection: no statement, lock or abandoned transaction blocks others for long.
const SESSION_OPTIONS: &str =
    "-c statement_timeout=8s -c lock_timeout=3s -c idle_in_transaction_session_timeout=10s -c TimeZone=UTC -c jit=off";

pub(super) const START: Sql = Sql::prepared("SELECT schema_version, signing_keys, cursor_key FROM start_instance()");

/// Values that an instance reads with each new connection, before its first request.
#[derive(Debug, FromRow)]
pub struct Start {
    /// Version of the schema.
    pub schema_version: i32,
    /// Public signing keys, as JSON.
    pub signing_keys: serde_json::Value,
    /// Key that authenticates page cursors.
    pub cursor_key: Option<Vec<u8>>,
}

/// Settings of a function's connections.
pub struct PoolSettings {
    /// Server, database and login.
    pub client: tokio_postgres::Config,
    /// PEM file with the server's certificate authority; none for the public ones.
    pub ca_file: Option<PathBuf>,
    /// Maximum number of connections.
    pub max_connections: usize,
    /// Source of the login, if its password rotates.
    pub credentials: Option<Box<dyn Credentials>>,
    /// Called with what each new connection reads first.
    pub on_connect: Box<dyn Fn(Start) + Send + Sync>,
}

/// The connection settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL does not parse. The message does not contain the URL, which holds a password.
    #[error(
        "DATABASE_URL is not a PostgreSQL URL ({0}); write postgres://user:password@host:5432/name?sslmode=verify-full"
    )]
    Url(String),
    /// The certificate file is unusable.
    #[error("DATABASE_CA_FILE cannot be used ({0}); give a PEM file with the server's certificate authority")]
    Authority(String),
    /// The TLS configuration failed.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Authority(cause) => Self::Authority(cause),
            TlsError::Rustls(error) => Self::Tls(error),
        }
    }
}

/// Parses `DATABASE_URL` into the client configuration of a function. Every encrypted connection here verifies as
/// `sslmode=verify-full` does.
pub(crate) fn client_config(url: &str) -> Result<tokio_postgres::Config, ConnectError> {
    config_with(url, SESSION_OPTIONS)
}

/// Parses a URL as [`client_config`] does, with other session options.
pub(super) fn config_with(url: &str, options: &str) -> Result<tokio_postgres::Config, ConnectError> {
    database::client_config(url, options).map_err(|error| ConnectError::Url(error.cause))
}

/// Returns a TLS connector that verifies the certificate chain and the host name, against `DATABASE_CA_FILE` or the public
/// authorities.
pub(crate) fn tls(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, ConnectError> {
    Ok(MakeRustlsConnect::new(tls::client(ca_file, rustls::DEFAULT_VERSIONS)?))
}

/// Checks that this build supports this version of the schema.
pub(super) fn check_version(version: i32) -> Result<(), String> {
    if SCHEMA_VERSIONS.contains(&version) {
        return Ok(());
    }
    let (first, last) = (SCHEMA_VERSIONS.start(), SCHEMA_VERSIONS.end());
    Err(format!(
        "the schema is at version {version}, this build serves {first} to {last}; run the migrate function of this build"
    ))
}

pub(super) fn pool(settings: PoolSettings) -> Result<Pool, ConnectError> {
    let PoolSettings { client, ca_file, max_connections, credentials, on_connect } = settings;
    let login = Login::new(client.clone(), tls(ca_file.as_deref())?, credentials);
    let manager = Manager::from_connect(client, login, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let on_connect: Arc<dyn Fn(Start) + Send + Sync> = on_connect.into();
    let pool = Pool::builder(manager)
        .max_size(max_connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_secs(5)))
        .create_timeout(Some(Duration::from_secs(5)))
        .post_create(Hook::async_fn(move |client, _| {
            let on_connect = Arc::clone(&on_connect);
            Box::pin(async move {
                let rows = client.query_typed(START.text(), &[]).await.map_err(HookError::Backend)?;
                let row = rows.first().ok_or_else(|| {
                    HookError::message("the database has no Holdfast schema; run the migrate function")
                })?;
                let start = Start::from_row(row).map_err(HookError::Backend)?;
                check_version(start.schema_version).map_err(HookError::message)?;
                on_connect(start);
                Ok(())
            })
        }))
        .build();
    // Building fails only without a runtime for the timeouts, and there is one above.
    pool.map_err(|error| ConnectError::Url(error.to_string()))
}

/// The chain of causes of an error in one line, for the log. Many errors repeat their cause; the line does not.
pub fn cause(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = source.source();
    }
    line
}
