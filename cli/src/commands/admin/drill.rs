//! `holdfast admin drill`: proves that the newest backup can be restored.

use std::path::PathBuf;

use clap::Args;
use holdfast_backup::{Summary, Task};

use super::backup;
use super::{DATA_DIR, print};

/// Restore the newest backup into a scratch database, check all of it, and drop it again
///
/// The scratch database is created on the server of `DRILL_DATABASE_URL`, which must be another one than that of `DATABASE_URL`
/// (except with `APP_ENV=local`), by a role that may create databases and roles there. The result is recorded in the database of `DATABASE_URL`.
#[derive(Args)]
pub(super) struct Drill {
    /// Data folder of a local run
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
}

impl Drill {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let Summary { object_key, row_counts, canary, .. } = backup::execute(Task::Drill, &self.data_dir).await?;
        let rows: i64 = row_counts.values().sum();
        let canary =
            if canary == Some("opened") { "the canary opened" } else { "no vault key to open the canary with" };
        print(&format!("{object_key} restores: {rows} rows of {} tables, {canary}.\n", row_counts.len()))
    }
}
