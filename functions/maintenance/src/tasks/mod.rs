//! The tasks, one module each, and their dispatch. Each runs under a lock of its own, so that overlapping schedules do no
//! harm.

pub(crate) mod drift;
pub(crate) mod expire;
pub(crate) mod measure;
pub(crate) mod partitions;
pub(crate) mod reencrypt;
pub(crate) mod seal;

use holdfast_shared::telemetry::emf::{self, Number, Unit};
use serde::Serialize;
use serde_json::{Map, json};

use crate::context::Context;
use crate::error::TaskError;
use crate::task::Task;

/// Outcome of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The task ran.
    Done(Done),
    /// Another run of the task is in progress; nothing was done.
    Busy,
    /// The task failed; the next run continues where it stopped.
    Failed {
        /// The reason.
        error: String,
    },
}

/// Result of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// [`Task::Seal`]
    Seal(seal::Sealed),
    /// [`Task::Partitions`]
    Partitions(partitions::Partitions),
    /// [`Task::Reencrypt`]
    Reencrypt(reencrypt::Reencrypted),
    /// [`Task::Expire`]
    Expire(expire::Expired),
    /// [`Task::Drift`]
    Drift(drift::Checked),
    /// [`Task::Measure`]
    Measure(measure::Measured),
}

/// Runs a task, unless another run of it is in progress.
pub(crate) async fn attempt(task: Task, context: &mut Context<'_>) -> Outcome {
    let done = match context.lock(task).await {
        Ok(true) => {
            let done = run(task, context).await;
            context.unlock(task).await;
            done
        }
        Ok(false) => Err(TaskError::Busy),
        Err(error) => Err(error),
    };
    match done {
        Ok(done) => Outcome::Done(done),
        Err(TaskError::Busy) => Outcome::Busy,
        Err(error) => {
            tracing::error!(task = task.name(), %error, "task failed");
            if error.is_tampering() {
                let tampering = Number { name: "AuditTampering", unit: Unit::Count, value: 1.0 };
                emf::write(
                    context.now(),
                    &[tampering],
                    Map::from_iter([("message".to_owned(), json!(error.to_string()))]),
                );
            }
            Outcome::Failed { error: error.to_string() }
        }
    }
}

async fn run(task: Task, context: &mut Context<'_>) -> Result<Done, TaskError> {
    Ok(match task {
        Task::Seal => Done::Seal(seal::run(context).await?),
        Task::Partitions => Done::Partitions(partitions::run(context).await?),
        Task::Reencrypt => Done::Reencrypt(reencrypt::run(context).await?),
        Task::Expire => Done::Expire(expire::run(context).await?),
        Task::Drift => Done::Drift(drift::run(context).await?),
        Task::Measure => Done::Measure(measure::run(context).await?),
    })
}
