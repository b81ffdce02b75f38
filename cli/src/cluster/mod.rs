//! A private PostgreSQL cluster in a data folder: created if missing, started on a free port of the loopback interface,
//! stopped with its owner. Passwords are generated and checked (SCRAM) on every connection; unix sockets are off.

mod binaries;
mod download;
mod error;
mod folders;
mod home;
mod initdb;
mod postmaster;
mod server_user;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use holdfast_shared::rng::Rng;
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, NoTls};

pub use binaries::Search;
pub use error::ClusterError;
pub(crate) use home::find as find_home;
pub(crate) use postmaster::stop_orphan;

use crate::data_dir::DataDir;
use home::Home;
use postmaster::Postmaster;

/// Name of the superuser. Only the cluster itself and tests connect as it.
pub const SUPERUSER: &str = "postgres";
/// Role that owns the databases and their schema, as in a deployment. Not a superuser.
pub const OWNER: &str = "holdfast_owner";

/// The server's certificate and key, as PEM files.
#[derive(Debug, Clone)]
pub struct CertPaths {
    /// Certificate, with the chain to its authority.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Options of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Search for the server's programs.
    pub search: Search,
    /// Data survives a crash of the machine. Tests and ephemeral runs do without.
    pub durable: bool,
    /// Maximum number of concurrent connections.
    pub max_connections: u16,
    /// Certificate for TLS; without it, TLS is off.
    pub ssl: Option<CertPaths>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { search: Search::system(), durable: true, max_connections: 100, ssl: None }
    }
}

impl ClusterOptions {
    /// Options of an ephemeral cluster: nothing is flushed to disk.
    pub fn throw_away() -> Self {
        Self { durable: false, ..Self::default() }
    }
}

/// A running cluster. Dropping it stops it; if this process is killed, it stops by itself.
pub struct Cluster {
    postmaster: Postmaster,
    superuser_password: SecretString,
    owner_password: SecretString,
    home: Home,
    dir: Arc<DataDir>,
}

impl Cluster {
    /// Starts the cluster of a data folder, creating it if it is missing.
    ///
    /// # Errors
    /// The cluster cannot be created or started. The message is one line and names the fix; existing data is not changed.
    pub async fn start(dir: Arc<DataDir>, options: ClusterOptions, rng: &dyn Rng) -> Result<Self, ClusterError> {
        let search = download::completed(options.search.clone(), &dir).await?;
        let new_password = SecretString::from(rng.base62(32));
        let shared_dir = Arc::clone(&dir);
        // `initdb` blocks for about a third of a second.
        let prepared = tokio::task::spawn_blocking(move || initdb::prepare(&shared_dir, &search, &new_password));
        let (home, server, superuser_password) = prepared.await.map_err(|_| ClusterError::Interrupted)??;
        let leftovers = home.leftovers(&dir);
        let postmaster = Postmaster::start(&home, &server, &options, &superuser_password, leftovers).await?;
        let owner_password = SecretString::from(rng.base62(32));
        let cluster = Self { postmaster, superuser_password, owner_password, home, dir };
        cluster.set_owner_password().await?;
        Ok(cluster)
    }

    /// Port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.postmaster.port
    }

    /// Path of the server's log.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Returns the URL for a role and a database of this cluster. The password may contain only letters and digits.
    pub fn url(&self, role: &str, password: &SecretString, database: &str) -> SecretString {
        let port = self.port();
        let password = password.expose_secret();
        SecretString::from(format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}?sslmode=disable"))
    }

    /// Returns the superuser's URL for a database.
    pub fn superuser_url(&self, database: &str) -> SecretString {
        self.url(SUPERUSER, &self.superuser_password, database)
    }

    /// Returns the owner's URL for a database.
    pub fn owner_url(&self, database: &str) -> SecretString {
        self.url(OWNER, &self.owner_password, database)
    }

    /// Connects to a database as superuser.
    pub async fn connect(&self, database: &str) -> Result<Client, ClusterError> {
        let (client, connection) = tokio_postgres::connect(self.superuser_url(database).expose_secret(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates a database owned by [`OWNER`] unless it exists, as a copy of `template`, which must have no connections.
    /// Names may contain only lower-case letters, digits and `_`.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), ClusterError> {
        let client = self.connect("postgres").await?;
        if client.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name]).await?.is_some() {
            return Ok(());
        }
        let template = identifier(template.unwrap_or("template0"))?;
        let quoted = identifier(name)?;
        client.batch_execute(&format!("CREATE DATABASE {quoted} TEMPLATE {template} OWNER {OWNER}")).await?;
        // Before version 15 the schema belongs to the superuser, and the owner could not close it to others.
        self.connect(name).await?.batch_execute(&format!("ALTER SCHEMA public OWNER TO {OWNER}")).await?;
        Ok(())
    }

    /// Stops the cluster: sessions end, committed data is kept.
    pub fn stop(self) {
        drop(self);
    }

    /// Sets a new password for the owner, which lasts until the cluster stops.
    async fn set_owner_password(&self) -> Result<(), ClusterError> {
        let client = self.connect("postgres").await?;
        let exists = client.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&OWNER]).await?.is_some();
        let verb = if exists { "ALTER" } else { "CREATE" };
        let verifier = scram_sha_256(self.owner_password.expose_secret().as_bytes());
        client.batch_execute(&format!("{verb} ROLE {OWNER} LOGIN CREATEROLE CREATEDB PASSWORD '{verifier}'")).await?;
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.postmaster.stop();
        for leftover in self.home.leftovers(&self.dir) {
            // A drop cannot report an error; the system empties its temporary folder.
            let _ = std::fs::remove_dir_all(leftover);
        }
    }
}

fn identifier(name: &str) -> Result<String, ClusterError> {
    if name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_') {
        Ok(format!("\"{name}\""))
    } else {
        Err(ClusterError::Database(format!("{name:?} is not a valid database name")))
    }
}
