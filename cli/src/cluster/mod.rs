//! A private PostgreSQL cluster in a data folder: made when missing, started on a free port of the loopback interface,
//! stopped with its owner. Passwords are generated and checked (SCRAM) on every connection, unix sockets are off.

mod binaries;
mod download;
mod error;
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
pub(crate) use server_user::is_root;

use crate::data_dir::DataDir;
use home::Home;
use postmaster::Postmaster;

/// The cluster's superuser. Only the cluster itself and tests act as it.
pub const SUPERUSER: &str = "postgres";
/// The role that owns the databases and their schema, as in a deployment: no superuser.
pub const OWNER: &str = "holdfast_owner";

/// A certificate for the server, and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct CertPaths {
    /// The certificate, with what chains it to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How a cluster is run.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where to look for the server's programs.
    pub search: Search,
    /// Whether a crash of the machine may lose nothing. Tests and throw-away runs do without.
    pub durable: bool,
    /// The most connections at a time.
    pub max_connections: u16,
    /// TLS, where it is wanted.
    pub ssl: Option<CertPaths>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { search: Search::system(), durable: true, max_connections: 100, ssl: None }
    }
}

impl ClusterOptions {
    /// For what is thrown away afterwards: nothing is flushed to disk.
    pub fn throw_away() -> Self {
        Self { durable: false, ..Self::default() }
    }
}

/// A running cluster. Dropping it stops it; should this process be killed, it stops by itself.
pub struct Cluster {
    postmaster: Postmaster,
    superuser_password: SecretString,
    owner_password: SecretString,
    home: Home,
    dir: Arc<DataDir>,
}

impl Cluster {
    /// Starts the cluster of a data folder, making it first where there is none.
    ///
    /// # Errors
    /// One line that names the fix. Nothing that was there is deleted or changed.
    pub async fn start(dir: Arc<DataDir>, options: ClusterOptions, rng: &dyn Rng) -> Result<Self, ClusterError> {
        let search = download::completed(options.search.clone(), &dir).await?;
        let new_password = SecretString::from(rng.base62(32));
        let shared_dir = Arc::clone(&dir);
        // Making a cluster takes a third of a second of other programs' work.
        let prepared = tokio::task::spawn_blocking(move || initdb::prepare(&shared_dir, &search, &new_password));
        let (home, server, superuser_password) = prepared.await.map_err(|_| ClusterError::Interrupted)??;
        let leftovers = home.leftovers(&dir);
        let postmaster = Postmaster::start(&home, &server, &options, &superuser_password, leftovers).await?;
        let owner_password = SecretString::from(rng.base62(32));
        let cluster = Self { postmaster, superuser_password, owner_password, home, dir };
        cluster.let_the_owner_in().await?;
        Ok(cluster)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.postmaster.port
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// The URL for a role and a database of this cluster. The password may hold only letters and digits.
    pub fn url(&self, role: &str, password: &SecretString, database: &str) -> SecretString {
        let port = self.port();
        let password = password.expose_secret();
        SecretString::from(format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}?sslmode=disable"))
    }

    /// The superuser's URL for a database.
    pub fn superuser_url(&self, database: &str) -> SecretString {
        self.url(SUPERUSER, &self.superuser_password, database)
    }

    /// The owner's URL for a database.
    pub fn owner_url(&self, database: &str) -> SecretString {
        self.url(OWNER, &self.owner_password, database)
    }

    /// Connects to a database as superuser.
    pub async fn connect(&self, database: &str) -> Result<Client, ClusterError> {
        let (client, connection) = tokio_postgres::connect(self.superuser_url(database).expose_secret(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Makes a database that [`OWNER`] owns, unless there is one of this name; as a copy of `template`, which nobody
    /// may be connected to. Names may hold only lower-case letters, digits and `_`.
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

    /// Stops the cluster: sessions end, what they committed stays.
    pub fn stop(self) {
        drop(self);
    }

    /// Gives the owner a new password; nobody needs the old one.
    async fn let_the_owner_in(&self) -> Result<(), ClusterError> {
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
            // What cannot be removed is in a temporary folder, which the system empties.
            let _ = std::fs::remove_dir_all(leftover);
        }
    }
}

fn identifier(name: &str) -> Result<String, ClusterError> {
    if name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_') {
        Ok(format!("\"{name}\""))
    } else {
        Err(ClusterError::Database(format!("{name:?} is no name for a database")))
    }
}
