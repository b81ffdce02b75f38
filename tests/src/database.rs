//! A database for one test: a copy of the migrated template, dropped when the test ends.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use holdfast::cluster::{OWNER, SUPERUSER};
use holdfast_shared::db::{LOGINS, login_of};
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Client, Config};

use crate::stage::{self, Stage, TEMPLATE};

/// The database, and a folder for the test's files.
pub struct TestDatabase {
    name: String,
    files: tempfile::TempDir,
    server: Arc<Server>,
}

/// The cluster of the run, or of this process alone.
struct Server {
    address: String,
    password: String,
    authority: PathBuf,
    _own: Option<Stage>,
}

/// Set while a test of this process uses the server.
static SERVER: Mutex<Option<Arc<Server>>> = Mutex::const_new(None);

impl TestDatabase {
    /// Creates a copy of the template.
    pub async fn create() -> Self {
        Self::copy(TEMPLATE).await
    }

    /// Creates an empty database, to restore into.
    pub async fn empty() -> Self {
        Self::copy("template0").await
    }

    /// Creates a copy on a server of its own, for tests that change what all databases of a server share: its roles.
    pub async fn apart() -> Self {
        Self::copy_on(Arc::new(Server::own().await), TEMPLATE).await
    }

    async fn copy(template: &str) -> Self {
        Self::copy_on(Server::find().await, template).await
    }

    async fn copy_on(server: Arc<Server>, template: &str) -> Self {
        static CREATED: AtomicUsize = AtomicUsize::new(1);
        let name = format!("test_{}_{}", std::process::id(), CREATED.fetch_add(1, Ordering::Relaxed));
        server.execute(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")).await;
        // A copy takes over everything but the right to connect.
        let roles = LOGINS.map(|login| login.role).join(", ");
        server.execute(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).await;
        server.execute(&format!("GRANT CONNECT ON DATABASE {name} TO {roles}")).await;
        let files = tempfile::Builder::new().prefix(&name).tempdir().unwrap();
        Self { name, files, server }
    }

    /// Creates an empty database on a server of its own.
    pub async fn empty_apart() -> Self {
        Self::copy_on(Arc::new(Server::own().await), "template0").await
    }

    /// Returns `host:port` of the server, the same for all databases.
    pub async fn address() -> String {
        Server::find().await.address.clone()
    }

    /// Splits a URL into the two settings that hold the URL and its password separately.
    pub fn apart_from_its_password(url: &str) -> [(&'static str, String); 2] {
        let (user, host) = url.split_once('@').unwrap();
        let (user, password) = user.rsplit_once(':').unwrap();
        [("DATABASE_URL", format!("{user}@{host}")), ("DATABASE_PASSWORD", password.to_owned())]
    }

    /// Returns the URL of a function, with its own login.
    pub fn url_of(&self, function: &str) -> String {
        self.server.url(login_of(function).unwrap_or_else(|| panic!("{function} has no login")).role, &self.name)
    }

    /// Returns the URL of the migrate function. Row-level security binds the owner, too.
    pub fn owner_url(&self) -> String {
        self.server.url(OWNER, &self.name)
    }

    /// Returns the URL of the superuser, who bypasses row-level security.
    pub fn superuser_url(&self) -> String {
        self.server.url(SUPERUSER, &self.name)
    }

    /// Returns the certificate authority to verify the server with, as a PEM file.
    pub fn ca_file(&self) -> PathBuf {
        self.server.authority.clone()
    }

    /// Writes a file that is deleted with the database.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Returns the file into which all rows are written when the database is dropped.
    pub fn dump_file(&self) -> PathBuf {
        stage::logs().join(format!("{}.dump", self.name))
    }

    /// Returns the folder of the test's files.
    pub fn folder(&self) -> PathBuf {
        self.files.path().to_owned()
    }

    /// Connects as the superuser, who bypasses row-level security.
    pub async fn superuser(&self) -> Client {
        self.server.connect(&self.superuser_url()).await
    }

    /// Connects with the login of a function.
    pub async fn login(&self, function: &str) -> Client {
        self.server.connect(&self.url_of(function)).await
    }

    /// Runs statements as the superuser.
    pub async fn execute(&self, sql: &str) {
        let client = self.superuser().await;
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Returns the one value of the one row that a query of the superuser has.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> T {
        let rows = self.superuser().await.query(sql, parameters).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let [row] = rows.as_slice() else { panic!("{sql}: {} rows", rows.len()) };
        assert_eq!(row.len(), 1, "{sql}: more than one column");
        row.get(0)
    }

    /// Returns what a query such as `SELECT count(*) FROM ...` counts.
    pub async fn count(&self, sql: &str) -> i64 {
        self.value(sql, &[]).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop_database = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let server = &self.server;
        // On another thread: this one may belong to a runtime and must not block.
        std::thread::scope(|scope| {
            let work = async {
                server.dump(&self.name, &self.dump_file()).await;
                server.execute(&drop_database).await;
                let mut shared = SERVER.lock().await;
                // Held here and in SERVER only: no other test of this process needs the server.
                if Arc::strong_count(server) == 2 {
                    shared.take();
                }
            };
            scope.spawn(|| runtime().block_on(work));
        });
    }
}

impl Server {
    async fn find() -> Arc<Self> {
        let mut shared = SERVER.lock().await;
        if let Some(server) = &*shared {
            return Arc::clone(server);
        }
        let shared_by_the_run = std::env::var(stage::DATABASE).ok().zip(std::env::var_os(stage::AUTHORITY));
        let server = if let Some((url, authority)) = shared_by_the_run {
            Self::new(&url, authority.into(), None)
        } else {
            Self::own().await
        };
        let server = Arc::new(server);
        *shared = Some(Arc::clone(&server));
        server
    }

    async fn own() -> Self {
        let stage = Stage::set_up().await.unwrap_or_else(|error| panic!("{error:#}"));
        Self::new(&stage.superuser_url(), stage.authority(), Some(stage))
    }

    fn new(superuser_url: &str, authority: PathBuf, own: Option<Stage>) -> Self {
        let config: Config = superuser_url.replace("verify-full", "require").parse().unwrap();
        let password = String::from_utf8(config.get_password().unwrap().to_vec()).unwrap();
        Self { address: format!("127.0.0.1:{}", config.get_ports()[0]), password, authority, _own: own }
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@{}/{database}?sslmode=verify-full", self.password, self.address)
    }

    async fn connect(&self, url: &str) -> Client {
        let url = SecretString::from(url);
        holdfast_shared::db::connect_owner(&url, Some(&self.authority)).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Writes all rows of all tables into a file, which the harness searches for secrets.
    async fn dump(&self, database: &str, path: &Path) {
        let client = self.connect(&self.url(SUPERUSER, database)).await;
        let tables = "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let mut file = File::create(path).unwrap();
        for table in client.query(tables, &[]).await.unwrap() {
            let copy = format!("COPY {} TO STDOUT", table.get::<_, &str>("name"));
            let mut rows = pin!(client.copy_out(&copy).await.unwrap());
            while let Some(row) = rows.next().await {
                file.write_all(&row.unwrap()).unwrap();
            }
        }
    }

    async fn execute(&self, statement: &str) {
        self.connect(&self.url(SUPERUSER, "postgres")).await.batch_execute(statement).await.unwrap();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
