//! The maintenance function on a test's own database, with its own key and folder of seals.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use holdfast_maintenance::{AuditSigner, Done, Outcome, Plan, SealStore, Sealed, Task};
use holdfast_shared::audit::{AuditKeys, PinnedKeys, SealDocument};
use holdfast_shared::vault::{LocalKey, Provider, Providers};

use crate::app::{TestApp, VAULT_KEY};
use crate::moto::REGION;

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
        let key = app.database.file("audit-key.pem", &app.audit_key);
        let signer = AuditSigner::file(&key).unwrap();
        let mut pins = PinnedKeys::default();
        pins.pin(&signer.public);
        let folder = app.database.folder().join("stored");
        let plan = Plan {
            database_url: app.database.url_of("maintenance").into(),
            database_ca_file: Some(app.database.ca_file()),
            time_limit: TIME_LIMIT,
            max_rows: 10_000,
            retention_days: 400,
            account_retention_days: 30,
            vault: Some(Providers::new(Provider::Local(LocalKey::new(VAULT_KEY.as_bytes()).unwrap()))),
            signer,
            pins,
            store: SealStore::Folder(folder.clone()),
            witness: None,
            restored_over: None,
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

/// Returns a client of S3 at this URL, which does not try again.
pub fn s3(url: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(Credentials::new("AKIDOFNOBODY", "opens-nothing", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}
