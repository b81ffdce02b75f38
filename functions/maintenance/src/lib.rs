//! What keeps a deployment in order by itself, on a schedule: seals the audit log, makes its months, seals anew what
//! is under a retired key, checks the schema, lets go of what has served its time, and tells alarms how it all stands. It has a database role of its own, which can add seals and change nothing.
//!
//! A task is a file with a `run`, and a line in [`Task`]. Each is bounded in time and takes up where it left off; two of the
//! same never run at once.

mod context;
mod error;
mod plan;
mod signer;
mod store;
mod task;
mod tasks;

use holdfast_shared::clock::Clock;
use serde::Serialize;

pub use error::{MaintenanceError, TaskError};
pub use plan::Plan;
pub use signer::AuditSigner;
pub use store::Store;
pub use task::{Done, Outcome, Task, UnknownTask};
pub use tasks::drift::Checked;
pub use tasks::expire::Expired;
pub use tasks::measure::Measured;
pub use tasks::partitions::Partitions;
pub use tasks::reencrypt::Reencrypted;
pub use tasks::seal::Sealed;

use context::Context;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Task by task, in order.
    pub tasks: Vec<TaskReport>,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskReport {
    /// The task's name.
    pub task: Task,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Report {
    /// What failed, in one line; none where nothing did.
    pub fn failure(&self) -> Option<String> {
        let failed: Vec<_> = self.tasks.iter().filter_map(TaskReport::failure).collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    }
}

impl TaskReport {
    fn failure(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Failed { error } => Some(format!("{}: {error}", self.task)),
            Outcome::Done(_) | Outcome::Busy => None,
        }
    }
}

/// Runs tasks one after the other. One that fails does not keep the next from running.
///
/// # Errors
/// No task could be begun: the database cannot be reached, or the role cannot be taken.
pub async fn run(plan: &Plan, tasks: &[Task], clock: &dyn Clock) -> Result<Report, MaintenanceError> {
    let mut context = Context::connect(plan, clock).await?;
    let mut reports = Vec::with_capacity(tasks.len());
    for task in tasks {
        let outcome = task.attempt(&mut context).await;
        let report = TaskReport { task: *task, outcome };
        tracing::info!(task = task.name(), outcome = %serde_json::to_string(&report).unwrap_or_default(), "maintained");
        reports.push(report);
    }
    Ok(Report { tasks: reports })
}
