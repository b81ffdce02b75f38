//! Backups as tests make them: as the backup role, with the vault's key of the tests, into a folder or a bucket of the
//! test's own.

use std::path::Path;
use std::time::Duration;

use holdfast_backup::{BackupError, Folder, Login, Plan, Programs, Report, Restored, Source, Store, Summary, Task};
use holdfast_shared::rng::SystemRng;
use holdfast_shared::vault::{LocalKey, Provider, Providers};

use crate::app::{TestApp, VAULT_KEY};
use crate::database::TestDatabase;

/// A store in this folder, in which everything is kept.
pub fn folder(path: &Path) -> Store {
    Store::Folder(Folder::new(path, 100))
}

/// The vault's key of the tests.
pub fn vault() -> Providers {
    Providers::new(Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap()))
}

/// What a run works with.
pub fn plan(app: &TestApp, store: Store) -> Plan {
    let login = |url: String| Login::new(url.into(), Some(app.database.ca_file())).unwrap();
    Plan {
        database: login(app.database.backup_url()),
        drill: Some(login(app.database.superuser_url())),
        store,
        programs: Programs::system(),
        vault: Some(vault()),
        time_limit: Duration::from_mins(1),
    }
}

/// Does a task.
pub async fn run(app: &TestApp, plan: &Plan, task: Task) -> Result<Report, BackupError> {
    holdfast_backup::run(task, plan, &*app.clock, &SystemRng, &|_| ()).await
}

/// Does a task that succeeds.
pub async fn done(app: &TestApp, plan: &Plan, task: Task) -> Summary {
    match run(app, plan, task).await {
        Ok(Report::Done { summary, .. }) => summary,
        other => panic!("{task:?}: {other:?}"),
    }
}

/// Restores a dump into a database, as its owner.
pub async fn restore(store: &Store, dump: &str, into: &TestDatabase) -> Result<Restored, BackupError> {
    let login = Login::new(into.owner_url().into(), Some(into.ca_file())).unwrap();
    holdfast_backup::restore(&Source::new(store.clone(), dump), &login, &Programs::system(), &|_| ()).await
}

/// Each run's kind, state and error, the oldest first.
pub async fn runs(app: &TestApp) -> Vec<(String, String, Option<String>)> {
    let select = "SELECT kind, state, error FROM backup_runs ORDER BY id";
    let rows = app.database.superuser().await.query(select, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}
