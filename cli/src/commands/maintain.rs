//! `holdfast maintain`: what the maintenance function does, from here.

use anyhow::bail;
use clap::Args;
use holdfast_maintenance::{Plan, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;

use super::print;

/// Does what the schedules do: seals the audit log, makes and drops its months, seals anew what is under retired keys, deletes what has
/// served its time, checks the schema, and measures
///
/// As the maintenance function does it, in the database that `DATABASE_URL` names: the owner's, or `holdfast_maintenance`'s.
/// Prints what was done, a line of JSON for each task.
#[derive(Args)]
pub(super) struct Maintain {
    /// The task: seal, partitions, reencrypt, expire, drift or measure; all of them unless named
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
