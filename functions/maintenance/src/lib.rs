//! Scheduled maintenance of a deployment: seals the audit log, creates its monthly partitions, re-encrypts what is sealed
//! under a retired key, checks the schema, deletes expired rows, and reports numbers to the alarms. It has a database role
//! of its own, which can add seals and change none.
//!
//! A task is a file in `tasks/` with a `run`, and a variant of [`Task`]. Each run is bounded in time and continues where the
//! one before stopped; two runs of one task never overlap.

mod context;
mod error;
mod plan;
mod signer;
mod store;
mod task;
mod tasks;
mod verification;

use holdfast_shared::clock::Clock;
use serde::Serialize;

pub use error::{MaintenanceError, TaskError};
pub use plan::Plan;
pub use signer::AuditSigner;
pub use store::{Bucket, ChangedObject, SealStore};
pub use task::{Task, UnknownTask};
pub use tasks::drift::Checked;
pub use tasks::expire::Expired;
pub use tasks::measure::Measured;
pub use tasks::partitions::Partitions;
pub use tasks::reencrypt::Reencrypted;
pub use tasks::seal::Sealed;
pub use tasks::{Done, Outcome};
pub use verification::{Finding, FindingKind, Verification, VerificationPlan, verify};

use context::Context;

/// Results of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaintenanceReport {
    /// One result per task, in the order in which they ran.
    pub tasks: Vec<TaskReport>,
}

/// Result of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskReport {
    /// The task.
    pub task: Task,
    /// Outcome of the task.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl MaintenanceReport {
    /// The failures in one line; none if no task failed.
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

/// Runs tasks one after the other. A failed task does not prevent the next one.
///
/// # Errors
/// No task could start: the database is unreachable, or the login cannot act as the maintenance role.
pub async fn run(plan: &Plan, tasks: &[Task], clock: &dyn Clock) -> Result<MaintenanceReport, MaintenanceError> {
    let mut context = Context::connect(plan, clock).await?;
    let mut reports = Vec::with_capacity(tasks.len());
    for task in tasks {
        let outcome = tasks::attempt(*task, &mut context).await;
        let report = TaskReport { task: *task, outcome };
        tracing::info!(task = task.name(), outcome = %serde_json::to_string(&report).unwrap_or_default(), "task ended");
        reports.push(report);
    }
    Ok(MaintenanceReport { tasks: reports })
}
