//! The local gateway over a cluster of its own, with its first admin signed in.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use holdfast::cluster::{Cluster, ClusterOptions};
use holdfast::data_dir::DataDir;
use holdfast_shared::rng::SystemRng;
use holdfast_tests::program::Program;
use holdfast_tests::wire::Web;
use holdfast_tests::{loopback, stage, tools};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client;

/// The database's name.
pub(crate) const DATABASE: &str = "holdfast";

/// The running gateway, stopped and deleted when dropped.
pub(crate) struct Local {
    /// The URL.
    pub(crate) url: String,
    /// The admin's access token.
    pub(crate) token: String,
    /// A connection that bypasses row-level security.
    pub(crate) superuser: Client,
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The data folder.
    pub(crate) folder: TempDir,
    _gateway: Program,
}

impl Local {
    /// Starts a gateway with this many connections.
    pub(crate) async fn start(options: ClusterOptions, connections: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(DataDir::temporary().unwrap());
        let cluster = Cluster::start(dir, options, &SystemRng).await.unwrap();
        cluster.create_database(DATABASE, None).await.unwrap();
        let [address] = loopback::addresses();
        let url = format!("http://{address}");
        let mut gateway = Command::new(tools::binaries().join("holdfast"));
        gateway.args(["run", "--listen", &address.to_string(), "--data-dir"]).arg(folder.path());
        gateway.env("DATABASE_URL", cluster.owner_url(DATABASE).expose_secret());
        gateway.env("DATABASE_POOL_SIZE", connections.to_string()).env("LOG_LEVEL", "warn");
        let log = stage::logs().join(format!("gateway-{}.log", address.port()));
        let gateway = Program::start(gateway, address, &log).await;
        let token = sign_in(&url, &folder).await;
        let superuser = cluster.connect(DATABASE).await.unwrap();
        Self { url, token, superuser, cluster, folder, _gateway: gateway }
    }
}

async fn sign_in(url: &str, folder: &TempDir) -> String {
    let file = folder.path().join("credentials.json");
    // The file may be written a little after the port is open.
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = std::fs::read_to_string(file).unwrap();
    let credentials: Value = serde_json::from_str(&text).unwrap();
    let admin = &credentials["users"]["admin"];
    let login = json!({"tenant": credentials["tenant"], "username": "admin", "password": admin["password"]});
    let (status, tokens) = Web::at(url).send("POST", "/auth/login", None, Some(&login)).await;
    assert_eq!(status, 200, "{tokens}");
    tokens["access_token"].as_str().unwrap().to_owned()
}
