//! `holdfast admin backup`: runs the backup function's task in this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use holdfast_backup::{BackupReport, Plan, Summary, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;

use super::meter::meter;
use super::{DATA_DIR, print};

/// Time limit of a command; Lambda's 15 minutes do not apply here.
const TIME_LIMIT: Duration = Duration::from_hours(24);

/// Back up the database that `DATABASE_URL` names, as the backup function does
///
/// `DATABASE_URL` is the login of the role `holdfast_backup`, or the owner's. The backup is written to `BACKUP_BUCKET`, or
/// locally to `BACKUP_FOLDER`, and signed with the key of `BACKUP_SIGNING_KMS_KEY_ID`, or locally `BACKUP_SIGNING_KEY_FILE`. Without `DATABASE_URL`, the database of the local run in the data folder is backed up.
#[derive(Args)]
pub(super) struct Backup {
    /// Data folder of a local run
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
}

impl Backup {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let summary = execute(Task::Backup, &self.data_dir).await?;
        let Summary { object_key, compressed_bytes, sha256, schema_version, row_counts, signed_by, .. } = &summary;
        let rows: i64 = row_counts.values().sum();
        print(&format!(
            "Backed up {rows} rows of {} tables, schema {schema_version}, in {compressed_bytes} bytes.\n{object_key}\nsha256 {sha256}\nsigned by {}\n",
            row_counts.len(),
            signed_by.as_deref().unwrap_or_default()
        ))
    }
}

/// Executes a task with the settings of the environment, or of the local run in the data folder.
pub(super) async fn execute(task: Task, data_dir: &Path) -> anyhow::Result<Summary> {
    let mut settings = Settings::from_environment().await?;
    if settings.get("DATABASE_URL").is_none()
        && let Some(local) = holdfast::local::backup_settings(data_dir)
    {
        settings = Settings::given(local.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    let plan = Plan { time_limit: TIME_LIMIT, ..Plan::from_settings(&settings).await? };
    match holdfast_backup::run(task, &plan, &SystemClock, &SystemRng, &meter()).await? {
        BackupReport::Done { summary, .. } => Ok(summary),
        BackupReport::Busy | BackupReport::Nothing => {
            bail!("another backup or drill is running; `GET /admin/backups` shows it")
        }
    }
}
