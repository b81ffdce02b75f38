//! The names of the tasks, and the number of each one's lock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A task of maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Seal the new rows of the audit log.
    Seal,
    /// Create upcoming monthly partitions of the audit log and drop expired ones.
    Partitions,
    /// Re-encrypt values that are sealed under a retired data key of the vault.
    Reencrypt,
    /// Delete expired rows.
    Expire,
    /// Compare the schema with the one that the migrations create.
    Drift,
    /// Report operational numbers to CloudWatch.
    Measure,
}

/// A text that names no task.
#[derive(Debug, thiserror::Error)]
#[error("no such task: use {}", Task::ALL.map(Task::name).join(" or "))]
pub struct UnknownTask;

impl Task {
    /// Every task, in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Seal, Self::Partitions, Self::Reencrypt, Self::Expire, Self::Drift, Self::Measure];

    /// Name in events and on the command line.
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

    /// Number of the task's lock. Never reused for another task.
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
