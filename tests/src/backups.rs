//! Backups by the backup role, with the tests' vault key, into a folder or a bucket of the test's own.

use std::path::Path;
use std::time::Duration;

use holdfast_backup::{
    BackupError, BackupReport, BackupStore, Folder, Login, Plan, Programs, Restored, Source, Summary, Task,
};
use holdfast_shared::db::FromRow;
use holdfast_shared::identity::audit_pins::AuditPins;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{LocalKey, Provider, Providers};

use crate::app::{TestApp, VAULT_KEY};
use crate::database::TestDatabase;

/// Returns a store in this folder, without a limit that a test reaches.
pub fn folder(path: &Path) -> BackupStore {
    BackupStore::Folder(Folder::new(path, 100))
}

/// Returns the vault key of the tests.
pub fn vault() -> Providers {
    Providers::new(Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap()))
}

/// Returns the plan of a run.
pub fn plan(app: &TestApp, store: BackupStore) -> Plan {
    let login = |url: String| Login::new(url.into(), Some(app.database.ca_file())).unwrap();
    Plan {
        database: login(app.database.backup_url()),
        drill: Some(login(app.database.superuser_url())),
        store,
        programs: Programs::system(),
        vault: Some(vault()),
        audit_pins: AuditPins::from_config(&app.app.config),
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

/// Restores a dump into a database as its owner.
pub async fn restore(store: &BackupStore, dump: &str, into: &TestDatabase) -> Result<Restored, BackupError> {
    let login = Login::new(into.owner_url().into(), Some(into.ca_file())).unwrap();
    holdfast_backup::restore(&Source::new(store.clone(), dump), &login, &Programs::system(), &|_| ()).await
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
