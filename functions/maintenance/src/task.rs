//! The tasks, and what they have in common: a lock each, so that a schedule that overtakes another does no harm.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::TaskError;
use crate::tasks::{drift, expire, measure, partitions, reencrypt, seal};

/// Something to be done now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Seals what is new in the audit log.
    Seal,
    /// Makes the audit log's coming months, and drops those that have served their time.
    Partitions,
    /// Seals anew what is sealed under a retired data key of the vault.
    Reencrypt,
    /// Deletes what has served its time.
    Expire,
    /// Compares the schema with the one that the migrations make.
    Drift,
    /// Tells CloudWatch how operations stand.
    Measure,
}

/// A text that names no task.
#[derive(Debug, thiserror::Error)]
#[error("no such task: use {}", Task::ALL.map(Task::name).join(" or "))]
pub struct UnknownTask;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It did this.
    Done(Done),
    /// Another run is at it; there was nothing to do.
    Busy,
    /// It failed; the next run takes up where it left off.
    Failed {
        /// Why.
        error: String,
    },
}

/// What a task did.
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

impl Task {
    /// Every task, in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Seal, Self::Partitions, Self::Reencrypt, Self::Expire, Self::Drift, Self::Measure];

    /// Its name in events and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Partitions => "partitions",
            Self::Reencrypt => "reencrypt",
            Self::Expire => "expire",
            Self::Drift => "drift",
            Self::Measure => "measure",
        }
    }

    /// The number of its lock. Never given to another task.
    pub(crate) const fn lock(self) -> i32 {
        match self {
            Self::Seal => 1,
            Self::Partitions => 2,
            Self::Reencrypt => 3,
            Self::Expire => 4,
            Self::Drift => 5,
            Self::Measure => 6,
        }
    }

    /// Runs it, unless another run is at it.
    pub(crate) async fn attempt(self, context: &mut Context<'_>) -> Outcome {
        let done = match context.lock(self).await {
            Ok(true) => {
                let done = self.perform(context).await;
                context.unlock(self).await;
                done
            }
            Ok(false) => Err(TaskError::Busy),
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => Outcome::Done(done),
            Err(TaskError::Busy) => Outcome::Busy,
            Err(error) => {
                tracing::error!(task = self.name(), %error, "a task failed");
                Outcome::Failed { error: error.to_string() }
            }
        }
    }

    async fn perform(self, context: &mut Context<'_>) -> Result<Done, TaskError> {
        Ok(match self {
            Self::Seal => Done::Seal(seal::run(context).await?),
            Self::Partitions => Done::Partitions(partitions::run(context).await?),
            Self::Reencrypt => Done::Reencrypt(reencrypt::run(context).await?),
            Self::Expire => Done::Expire(expire::run(context).await?),
            Self::Drift => Done::Drift(drift::run(context).await?),
            Self::Measure => Done::Measure(measure::run(context).await?),
        })
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(text: &str) -> Result<Self, UnknownTask> {
        Self::ALL.into_iter().find(|task| task.name() == text).ok_or(UnknownTask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_its_own_lock_and_one_name_everywhere() {
        for (at, task) in Task::ALL.into_iter().enumerate() {
            assert_eq!(task.name().parse::<Task>().unwrap(), task);
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
            assert!(Task::ALL.iter().skip(at + 1).all(|other| other.lock() != task.lock()));
        }
        assert_eq!(
            "sweep".parse::<Task>().unwrap_err().to_string(),
            "no such task: use seal or partitions or reencrypt or expire or drift or measure"
        );
    }
}
