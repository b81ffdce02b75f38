//! `holdfast admin maintain`: runs the maintenance function's tasks in this process.

use anyhow::bail;
use clap::Args;
use holdfast_maintenance::{Plan, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;

use super::print;

/// Run the scheduled maintenance tasks now: seal, partitions, reencrypt, expire, drift, measure
///
/// Seals the audit log, creates and drops its monthly partitions, re-encrypts secrets under retired keys, deletes expired rows,
/// compares the schema and takes measurements, as the maintenance function does. `DATABASE_URL` is the login of the owner or of
/// `holdfast_maintenance`. Prints one line of JSON for each task.
#[derive(Args)]
pub(super) struct Maintain {
    /// The task: seal, partitions, reencrypt, expire, drift or measure; all tasks by default
    task: Option<Task>,
}

impl Maintain {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
        let tasks = self.task.map_or(Task::ALL.to_vec(), |task| vec![task]);
        let report = holdfast_maintenance::run(&plan, &tasks, &SystemClock).await?;
        for task in &report.tasks {
            print(&format!("{}\n", serde_json::to_string(task)?))?;
        }
        match report.failure() {
            Some(failure) => bail!(failure),
            None => Ok(()),
        }
    }
}
