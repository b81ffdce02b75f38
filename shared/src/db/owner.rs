//! Connections that serve no request: of the schema owner (the migrate function and the local run), of backups and of
//! maintenance. Each is a single connection with longer limits than the pool's.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;

use super::connection::{self, ConnectError};

/// Limits of migrations: a statement may take long but waits only briefly for locks, because requests queue behind it.
const OWNER_OPTIONS: &str = "-c statement_timeout=10min -c lock_timeout=10s \
    -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// Limits of backups and restores: each holds one transaction open for as long as it takes.
const BACKUP_OPTIONS: &str = "-c statement_timeout=0 -c lock_timeout=30s -c idle_in_transaction_session_timeout=0 \
    -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// Limits of maintenance: it reads much at a time but never keeps a transaction open for long, because an old transaction
/// delays the sealing of the audit log.
const MAINTENANCE_OPTIONS: &str = "-c statement_timeout=60s -c lock_timeout=3s \
    -c idle_in_transaction_session_timeout=30s -c client_min_messages=warning -c TimeZone=UTC -c jit=off";

/// A connection that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The settings are unusable.
    #[error(transparent)]
    Settings(#[from] ConnectError),
    /// The server does not respond or rejects the login.
    #[error("the database cannot be reached ({0}); check DATABASE_URL and that the server runs")]
    Unreachable(String),
}

/// Connects to the database of a URL, with verified TLS if the URL asks for it. The connection closes with its client.
///
/// # Errors
/// One line that names the fix, and never contains the URL.
pub async fn connect_owner(url: &SecretString, ca_file: Option<&Path>) -> Result<Client, OwnerError> {
    connect(url, ca_file, OWNER_OPTIONS).await
}

/// Connects for a backup or restore, with the login of the URL.
pub async fn connect_backup(url: &SecretString, ca_file: Option<&Path>) -> Result<Client, OwnerError> {
    connect(url, ca_file, BACKUP_OPTIONS).await
}

/// Connects for maintenance, with the login of the URL.
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
