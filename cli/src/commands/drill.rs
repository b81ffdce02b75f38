//! `holdfast drill`: proves that the newest backup can be restored.

use std::path::PathBuf;

use clap::Args;
use holdfast_backup::{Summary, Task};

use super::backup::done;
use super::{DATA_DIR, print};

/// Restores the newest backup into a scratch database, checks all of it, and drops it again
///
/// The scratch database is made on the server of `DRILL_DATABASE_URL`, by a role that may make databases and is, or was
/// granted, the role that owns what was backed up. The result is recorded in the database of `DATABASE_URL`.
#[derive(Args)]
pub(super) struct Drill {
    /// The data folder of a local run
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
}

impl Drill {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let Summary { object_key, row_counts, canary, .. } = done(Task::Drill, &self.data_dir).await?;
        let rows: i64 = row_counts.values().sum();
        let canary =
            if canary == Some("opened") { "the canary opened" } else { "no vault key to open the canary with" };
        print(&format!("{object_key} restores: {rows} rows of {} tables, {canary}.\n", row_counts.len()))
    }
}
