//! The maintenance function on a test's own database, with its own key and folder of seals.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use holdfast_maintenance::{AuditSigner, Done, Outcome, Plan, SealStore, Sealed, Task};
use holdfast_shared::audit::{AuditKeys, SealDocument};
use holdfast_shared::vault::{LocalKey, Provider, Providers};

use crate::app::{self, TestApp, VAULT_KEY};

/// The time limit for sealing all rows: transactions of other tests, on the same cluster, may delay it.
const TIME_LIMIT: Duration = Duration::from_mins(1);
const UNSEALED: &str = "SELECT count(*) FROM http_audit_log l WHERE NOT EXISTS (SELECT FROM audit_seals s
    WHERE s.epoch = l.epoch AND l.transaction_id >= s.from_transaction AND l.transaction_id < s.to_transaction)";

/// The maintenance of a test's database.
pub struct Sealing {
    /// The plan of every run.
    pub plan: Plan,
    /// The folder of the seals.
    pub folder: PathBuf,
}

impl Sealing {
    /// Prepares maintenance with a key in a file, and seals in a folder.
    pub fn of(app: &TestApp) -> Self {
        let key = app.database.file("audit-key.pem", &app::signing_key());
        let folder = app.database.folder().join("stored");
        let plan = Plan {
            database_url: app.database.maintenance_url().into(),
            database_ca_file: Some(app.database.ca_file()),
            time_limit: TIME_LIMIT,
            max_rows: 10_000,
            retention_days: 400,
            account_retention_days: 30,
            vault: Some(Providers::new(Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap()))),
            signer: AuditSigner::file(&key).unwrap(),
            store: SealStore::Folder(folder.clone()),
        };
        Self { plan, folder }
    }

    /// Runs a task.
    pub async fn run(&self, app: &TestApp, task: Task) -> Outcome {
        let report = holdfast_maintenance::run(&self.plan, &[task], &*app.clock).await.unwrap();
        report.tasks[0].outcome.clone()
    }

    /// Seals once, which must succeed.
    pub async fn seal(&self, app: &TestApp) -> Sealed {
        match self.run(app, Task::Seal).await {
            Outcome::Done(Done::Seal(sealed)) => sealed,
            other => panic!("{other:?}"),
        }
    }

    /// Seals until every row is sealed.
    pub async fn seal_all(&self, app: &TestApp) {
        let started = Instant::now();
        loop {
            self.seal(app).await;
            let unsealed = app.database.count(UNSEALED).await;
            if unsealed == 0 {
                return;
            }
            assert!(started.elapsed() < TIME_LIMIT, "{unsealed} rows are not sealed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the stored seals, in order.
    pub fn stored(&self) -> Vec<SealDocument> {
        let sorted = |folder: PathBuf| {
            let files = folder.read_dir().into_iter().flatten().flatten();
            let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
            files.sort();
            files
        };
        let files = sorted(self.folder.join("seals")).into_iter().flat_map(sorted);
        files.map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
    }

    /// Returns the key to verify the seals with.
    pub fn keys(&self) -> AuditKeys {
        AuditKeys::new([self.plan.signer.public.clone()])
    }
}
