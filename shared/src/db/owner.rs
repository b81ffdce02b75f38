//! Connections of those who serve no request: the schema owner's, for the migrate function and the local run, and that of
//! backups and of maintenance. No pool, and more patience.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;

use super::connection::{self, ConnectError};

/// A migration may work for long, but waits for the locks of others only briefly: behind it their requests queue up.
const OWNER_OPTIONS: &str = "-c statement_timeout=10min -c lock_timeout=10s \
    -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// A backup holds one snapshot open for as long as it takes, and so does the restore of one.
const BACKUP_OPTIONS: &str = "-c statement_timeout=0 -c lock_timeout=30s -c idle_in_transaction_session_timeout=0 \
    -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// Maintenance reads much at a time, waits for nobody's locks, and never keeps a transaction open for long: an old one
/// holds up what it seals itself.
const MAINTENANCE_OPTIONS: &str = "-c statement_timeout=60s -c lock_timeout=3s \
    -c idle_in_transaction_session_timeout=30s -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// There is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConnectError),
    /// The server does not answer, or says no.
    #[error("the database cannot be reached ({0}); check DATABASE_URL and that the server runs")]
    Unreachable(String),
}

/// Connects as `DATABASE_URL` says, with verified TLS where it asks for it. The connection closes with its client.
///
/// # Errors
/// One line that names the mend, and never the URL.
pub async fn connect_owner(url: &SecretString, ca_file: Option<&Path>) -> Result<Client, OwnerError> {
    connect(url, ca_file, OWNER_OPTIONS).await
}

/// The same for backups and restoring, with the role of the URL.
pub async fn connect_backup(url: &SecretString, ca_file: Option<&Path>) -> Result<Client, OwnerError> {
    connect(url, ca_file, BACKUP_OPTIONS).await
}

/// The same for maintenance, with its own role.
pub async fn connect_maintenance(url: &SecretString, ca_file: Option<&Path>) -> Result<Client, OwnerError> {
    connect(url, ca_file, MAINTENANCE_OPTIONS).await
}

async fn connect(url: &SecretString, ca_file: Option<&Path>, options: &str) -> Result<Client, OwnerError> {
    let config = connection::config_with(url.expose_secret(), options)?;
    let tls = connection::tls(ca_file)?;
    let (client, connection) =
        config.connect(tls).await.map_err(|error| OwnerError::Unreachable(connection::cause(&error)))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection ended");
        }
    });
    Ok(client)
}
