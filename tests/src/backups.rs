//! Backups by the backup role, with the tests' vault key, into a folder or a bucket of the test's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_backup::{
    BackupError, BackupReport, BackupStore, Folder, Login, Plan, Restored, SigningKey, Source, Summary, Task,
};
use holdfast_shared::audit::PinnedKeys;
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::db::FromRow;
use holdfast_shared::identity::key_pins::KeyPins;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{LocalKey, Provider, Providers};

use crate::app::{self, TestApp, VAULT_KEY};
use crate::database::TestDatabase;

/// Returns a store in this folder, without a limit that a test reaches.
pub fn folder(path: &Path) -> BackupStore {
    BackupStore::Folder(Folder::new(path, 100))
}

/// Returns the vault key of the tests.
pub fn vault() -> Providers {
    Providers::new(Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap()))
}

/// Returns the file with the key that signs backups; a file of the test's own.
pub fn key_file(app: &TestApp) -> PathBuf {
    let path = app.database.folder().join("backup-key.pem");
    if path.exists() { path } else { app.database.file("backup-key.pem", &app::signing_key()) }
}

/// Returns the keys whose backups are restored: the test's own.
pub async fn pins(app: &TestApp) -> PinnedKeys {
    let signer = SigningKey::File(key_file(app)).signer().await.unwrap();
    PinnedKeys::new([signer.public().thumbprint()])
}

/// Returns the plan of a run. Drills restore on the same server, as a local run's do.
pub fn plan(app: &TestApp, store: BackupStore) -> Plan {
    let login = |url: String| Login::new(url.into(), Some(app.database.ca_file())).unwrap();
    let signing_key = SigningKey::File(key_file(app));
    Plan {
        database: login(app.database.url_of("backup")),
        drill: Some(login(app.database.owner_url())),
        may_share_server: true,
        backup_pins: holdfast_backup::pins(&Settings::given([]), Some(&signing_key)).unwrap(),
        signing_key: Some(signing_key),
        store,
        vault: Some(vault()),
        audit_pins: KeyPins::audit(&app.apps.admin.config),
        time_limit: Duration::from_mins(1),
    }
}

/// Runs a task.
pub async fn run(app: &TestApp, plan: &Plan, task: Task) -> Result<BackupReport, BackupError> {
    holdfast_backup::run(task, plan, &*app.clock, &SystemRng, &|_| ()).await
}

/// Runs a task, which must succeed.
pub async fn run_successfully(app: &TestApp, plan: &Plan, task: Task) -> Summary {
    match run(app, plan, task).await {
        Ok(BackupReport::Done { summary, .. }) => summary,
        other => panic!("{task:?}: {other:?}"),
    }
}

/// Restores a backup of an app into a database as its owner.
pub async fn restore(
    app: &TestApp,
    store: &BackupStore,
    archive: &str,
    into: &TestDatabase,
) -> Result<Restored, BackupError> {
    let login = Login::new(into.owner_url().into(), Some(into.ca_file())).unwrap();
    let source = Source::new(store.clone(), archive, pins(app).await);
    holdfast_backup::restore(&source, &login, &SystemClock, &SystemRng, &|_| ()).await
}

/// A run as the database records it.
#[derive(Debug, FromRow)]
pub struct Run {
    /// The task: `backup` or `drill`.
    pub kind: String,
    /// The state, such as `succeeded`.
    pub state: String,
    /// The error of a failed run.
    pub error: Option<String>,
}

/// Returns the recorded runs, the oldest first.
pub async fn runs(app: &TestApp) -> Vec<Run> {
    let select = "SELECT kind, state, error FROM backup_runs ORDER BY id";
    let rows = app.database.superuser().await.query(select, &[]).await.unwrap();
    rows.iter().map(|row| Run::from_row(row).unwrap()).collect()
}

/// Returns the kind and the state of each recorded run, the oldest first.
pub async fn states(app: &TestApp) -> Vec<String> {
    runs(app).await.iter().map(|run| format!("{} {}", run.kind, run.state)).collect()
}
