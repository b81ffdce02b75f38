//! The private cluster: it keeps its data, recovers after a kill, and reports in one line what it cannot repair.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use holdfast::cluster::{CertPaths, Cluster, ClusterError, ClusterOptions, Search};
use holdfast::data_dir::{DataDir, DataDirError};
use holdfast_shared::rng::SystemRng;
use secrecy::ExposeSecret;

/// A folder for a data folder, removed at the end. Root's server, which runs as another user, may pass through.
fn place() -> tempfile::TempDir {
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new().permissions(passable).tempdir().unwrap()
}

async fn start(path: &Path) -> Result<Cluster, ClusterError> {
    start_with(path, ClusterOptions::throw_away()).await
}

async fn start_with(path: &Path, options: ClusterOptions) -> Result<Cluster, ClusterError> {
    Cluster::start(Arc::new(DataDir::open(path).unwrap()), options, &SystemRng).await
}

async fn failure(path: &Path) -> String {
    let line = start(path).await.map(|_| ()).unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    line.replace(&path.canonicalize().unwrap().display().to_string(), "DIR")
}

async fn kept_rows(cluster: &Cluster) -> i64 {
    let client = cluster.connect("kept").await.unwrap();
    client.batch_execute("CREATE TABLE IF NOT EXISTS rows (id int); INSERT INTO rows VALUES (1)").await.unwrap();
    client.query_one("SELECT count(*) AS count FROM rows", &[]).await.unwrap().get("count")
}

#[tokio::test]
async fn a_second_start_in_the_same_folder_keeps_the_data() {
    let place = place();
    for rows in 1..=2 {
        let cluster = start(place.path()).await.unwrap();
        cluster.create_database("kept", None).await.unwrap();
        assert_eq!(kept_rows(&cluster).await, rows);
        cluster.stop();
        assert!(!place.path().join("postgres/data/postmaster.pid").exists());
    }
}

#[tokio::test]
async fn one_folder_serves_one_run_at_a_time() {
    let place = place();
    let first = DataDir::open(place.path()).unwrap();
    let rejected = DataDir::open(place.path()).unwrap_err();
    assert!(
        matches!(rejected, DataDirError::InUse { process: Some(id), .. } if id == std::process::id().cast_signed())
    );
    assert!(!rejected.to_string().contains('\n'));
    drop(first);
    DataDir::open(place.path()).unwrap();
}

#[tokio::test]
async fn a_crashed_server_and_a_reused_process_id_do_not_stop_a_start() {
    let place = place();
    start(place.path()).await.unwrap().stop();
    // The id in the file belongs to a live process that is no server: this test.
    let file = place.path().join("postgres/data/postmaster.pid");
    let data = place.path().join("postgres/data");
    std::fs::write(&file, format!("{}\n{}\n", std::process::id(), data.display())).unwrap();
    start(place.path()).await.unwrap().stop();
    // No process has this id.
    std::fs::write(&file, format!("{}\n{}\n", i32::MAX, data.display())).unwrap();
    start(place.path()).await.unwrap();
}

#[tokio::test]
async fn a_broken_file_is_named_and_nothing_is_changed() {
    let place = place();
    start(place.path()).await.unwrap().stop();
    let version = place.path().join("postgres/data/PG_VERSION");
    let own = std::fs::read_to_string(&version).unwrap();

    std::fs::write(&version, "9\n").unwrap();
    assert_eq!(
        failure(place.path()).await,
        "DIR/postgres was created by PostgreSQL 9, which is not installed; install it, or move the folder away to start again"
    );
    std::fs::remove_file(&version).unwrap();
    assert_eq!(
        failure(place.path()).await,
        "DIR/postgres is not a complete PostgreSQL cluster (data/PG_VERSION is missing or unreadable); restore it, or \
         move it away to start again"
    );
    std::fs::write(&version, own).unwrap();
    start(place.path()).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_creation_leaves_nothing_in_the_way() {
    let place = place();
    let unfinished = place.path().join("postgres.new-killed");
    std::fs::create_dir_all(unfinished.join("data")).unwrap();
    start(place.path()).await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn without_a_server_one_line_names_what_to_install() {
    let place = place();
    let options = ClusterOptions { search: Search::only([]), ..ClusterOptions::throw_away() };
    let line = start_with(place.path(), options).await.map(|_| ()).unwrap_err().to_string();
    assert!(line.starts_with("no PostgreSQL server was found; install PostgreSQL 14 or newer"), "{line}");
    assert!(!line.contains('\n'));
}

/// It makes a difference only for root, whose server runs as another user.
#[tokio::test]
async fn a_folder_that_only_its_owner_can_enter_works() {
    let closed = tempfile::tempdir().unwrap();
    std::fs::set_permissions(closed.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let path = closed.path().join("data");
    for rows in 1..=2 {
        let cluster = start(&path).await.unwrap();
        cluster.create_database("kept", None).await.unwrap();
        assert_eq!(kept_rows(&cluster).await, rows);
    }
    if let Ok(elsewhere) = std::fs::read_to_string(path.join("postgres-elsewhere")) {
        assert!(Path::new(&elsewhere).join("postgres/data").exists());
        std::fs::remove_dir_all(elsewhere).unwrap();
    }
    let ephemeral = Arc::new(DataDir::ephemeral(&closed.path().join("ephemeral")).unwrap());
    let note = ephemeral.file("postgres-elsewhere");
    let cluster = Cluster::start(ephemeral, ClusterOptions::throw_away(), &SystemRng).await.unwrap();
    let elsewhere = std::fs::read_to_string(note).ok();
    cluster.stop();
    assert!(elsewhere.is_none_or(|elsewhere| !Path::new(&elsewhere).exists()));
}

#[tokio::test]
async fn a_temporary_cluster_leaves_no_files() {
    let dir = Arc::new(DataDir::temporary().unwrap());
    let path = dir.path().to_owned();
    let cluster = Cluster::start(dir, ClusterOptions::throw_away(), &SystemRng).await.unwrap();
    assert!(path.exists());
    drop(cluster);
    assert!(!path.exists());
}

#[tokio::test]
async fn passwords_are_private_and_required_on_every_connection() {
    let place = place();
    let cluster = start(place.path()).await.unwrap();
    let password = place.path().join("postgres/password").metadata().unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&password.permissions()) & 0o777, 0o600);
    let url = cluster.url("postgres", &"guess".into(), "postgres");
    let rejected = tokio_postgres::connect(url.expose_secret(), tokio_postgres::NoTls).await.map(|_| ()).unwrap_err();
    assert_eq!(rejected.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn a_certificate_enables_verified_tls() {
    let place = place();
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ssl = CertPaths { certificate: place.path().join("server.crt"), key: place.path().join("server.key") };
    std::fs::write(&ssl.certificate, authority.cert.pem()).unwrap();
    std::fs::write(&ssl.key, authority.signing_key.serialize_pem()).unwrap();
    let certificate = ssl.certificate.clone();
    let options = ClusterOptions { ssl: Some(ssl), ..ClusterOptions::throw_away() };
    let cluster = start_with(place.path(), options).await.unwrap();

    let url = cluster.owner_url("postgres").expose_secret().replace("127.0.0.1", "localhost");
    let url = url.replace("sslmode=disable", "sslmode=verify-full").into();
    let client = holdfast_shared::db::connect_owner(&url, Some(&certificate)).await.unwrap();
    let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    assert!(row.get::<_, bool>("ssl"));
    // Another authority's certificate is not trusted.
    assert!(holdfast_shared::db::connect_owner(&url, None).await.is_err());
}
