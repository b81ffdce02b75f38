//! A database of the test's own: a copy of the migrated template, gone when the test ends.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use holdfast::cluster::{OWNER, SUPERUSER};
use holdfast_migrate::{APP_ROLE, BACKUP_ROLE, MAINTENANCE_ROLE, METRICS_ROLE};
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config};

use crate::stage::{self, Stage, TEMPLATE};

/// The database, and a folder for the test's files.
pub struct TestDatabase {
    name: String,
    files: tempfile::TempDir,
    server: Arc<Server>,
}

/// The run's cluster, or this process's own.
struct Server {
    address: String,
    password: String,
    authority: PathBuf,
    _own: Option<Stage>,
}

/// Set while a test of this process uses it.
static SERVER: Mutex<Option<Arc<Server>>> = Mutex::const_new(None);

impl TestDatabase {
    /// Copies the template.
    pub async fn create() -> Self {
        Self::copy(TEMPLATE).await
    }

    /// An empty one, to be restored into.
    pub async fn empty() -> Self {
        Self::copy("template0").await
    }

    /// One on a server of its own, for who changes what all databases of a server share: its roles.
    pub async fn apart() -> Self {
        Self::copy_on(Arc::new(Server::own().await), TEMPLATE).await
    }

    async fn copy(template: &str) -> Self {
        Self::copy_on(Server::find().await, template).await
    }

    async fn copy_on(server: Arc<Server>, template: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(1);
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        server.execute(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")).await;
        // Who may connect is the one thing that a copy does not take over.
        let roles = "holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance";
        server.execute(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).await;
        server.execute(&format!("GRANT CONNECT ON DATABASE {name} TO {roles}")).await;
        let files = tempfile::Builder::new().prefix(&name).tempdir().unwrap();
        Self { name, files, server }
    }

    /// `host:port` of the server, the same for all databases.
    pub async fn address() -> String {
        Server::find().await.address.clone()
    }

    /// A URL of it as settings have it where the password stands by itself.
    pub fn apart_from_its_password(url: &str) -> [(&'static str, String); 2] {
        let (user, host) = url.split_once('@').unwrap();
        let (user, password) = user.rsplit_once(':').unwrap();
        [("DATABASE_URL", format!("{user}@{host}")), ("DATABASE_PASSWORD", password.to_owned())]
    }

    /// How the auth, accounts, admin and health functions reach it.
    pub fn app_url(&self) -> String {
        self.server.url(APP_ROLE, &self.name)
    }

    /// How the metrics function reaches it.
    pub fn metrics_url(&self) -> String {
        self.server.url(METRICS_ROLE, &self.name)
    }

    /// How the backup function reaches it.
    pub fn backup_url(&self) -> String {
        self.server.url(BACKUP_ROLE, &self.name)
    }

    /// How the maintenance function reaches it.
    pub fn maintenance_url(&self) -> String {
        self.server.url(MAINTENANCE_ROLE, &self.name)
    }

    /// How the migrate function reaches it. The owner is bound by row-level security, too.
    pub fn owner_url(&self) -> String {
        self.server.url(OWNER, &self.name)
    }

    /// How the superuser reaches it, whom no policy binds.
    pub fn superuser_url(&self) -> String {
        self.server.url(SUPERUSER, &self.name)
    }

    /// The certificate authority that the URLs' TLS is verified against, as a PEM file.
    pub fn ca_file(&self) -> PathBuf {
        self.server.authority.clone()
    }

    /// Writes a file that goes with the database.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Where all that was in it is written when it is dropped.
    pub fn dump_file(&self) -> PathBuf {
        stage::logs().join(format!("{}.dump", self.name))
    }

    /// The folder of those files.
    pub fn folder(&self) -> PathBuf {
        self.files.path().to_owned()
    }

    /// A look past row-level security, at what HTTP does not show.
    pub async fn superuser(&self) -> Client {
        self.server.connect(&self.superuser_url()).await
    }

    /// A connection as the role of the auth, accounts, admin and health functions.
    pub async fn as_app(&self) -> Client {
        self.server.connect(&self.app_url()).await
    }

    /// A connection as the role of the metrics function.
    pub async fn as_metrics(&self) -> Client {
        self.server.connect(&self.metrics_url()).await
    }

    /// A connection as the role of the maintenance function.
    pub async fn as_maintenance(&self) -> Client {
        self.server.connect(&self.maintenance_url()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop_database = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let server = &self.server;
        // A thread, since this one may be a runtime's, which must not be blocked on.
        std::thread::scope(|scope| {
            let work = async {
                server.dump(&self.name, &self.dump_file()).await;
                server.execute(&drop_database).await;
                let mut shared = SERVER.lock().await;
                // Here, in the place of all, and nowhere else: no test of this process needs it any more.
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
        let of_the_run = std::env::var(stage::DATABASE).ok().zip(std::env::var_os(stage::AUTHORITY));
        let server = if let Some((url, authority)) = of_the_run {
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

    /// Writes all rows of all tables into a file, as `pg_dump` would, for the harness to search for secrets.
    async fn dump(&self, database: &str, path: &Path) {
        let client = self.connect(&self.url(SUPERUSER, database)).await;
        let tables =
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        let mut file = File::create(path).unwrap();
        for table in client.query(tables, &[]).await.unwrap() {
            let copy = format!("COPY {} TO STDOUT", table.get::<_, &str>(0));
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
