//! Backups that are proven to restore: a dump into a store that nobody can change, on a schedule or when an operator requests
//! it; a drill that restores the newest dump and compares it with its manifest; and the restore itself.
//!
//! The function reads everything and writes only its own rows. No dump is ever on its disk, no password on a command line,
//! and two runs of a kind never overlap.

mod canary;
mod child;
mod digest;
mod drill;
mod dump;
mod error;
mod facts;
pub mod folders;
mod ledger;
mod login;
mod manifest;
mod plan;
mod programs;
mod progress;
mod restore;
mod seals;
mod store;

use std::time::{Duration, Instant};

use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use error::BackupError;
pub use ledger::{RunKind, Summary};
pub use login::Login;
pub use manifest::{DatabaseFacts, Manifest, SealReference};
pub use plan::Plan;
pub use programs::Programs;
pub use progress::{Progress, Watch};
pub use restore::{Restored, Source, restore};
pub use store::{BackupStore, Bucket, Folder};

use ledger::Ledger;

/// A task of the backup function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Create a backup.
    #[default]
    Backup,
    /// Create a backup if one is requested.
    Requested,
    /// Run a drill.
    Drill,
}

/// Outcome of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum BackupReport {
    /// The run succeeded.
    Done {
        /// Id of the run.
        run: Uuid,
        /// Result of the run.
        #[serde(flatten)]
        summary: Summary,
        /// Duration in seconds.
        seconds: f64,
    },
    /// Another run is in progress; nothing was done.
    Busy,
    /// Nothing was requested.
    Nothing,
}

impl Task {
    const fn kind(self) -> RunKind {
        match self {
            Self::Backup | Self::Requested => RunKind::Backup,
            Self::Drill => RunKind::Drill,
        }
    }
}

/// Runs one task. A failed run is recorded as failed and leaves nothing behind.
///
/// # Errors
/// One line that names the fix.
pub async fn run(
    task: Task,
    plan: &Plan,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<BackupReport, BackupError> {
    let began = Instant::now();
    let kind = task.kind();
    let ledger = Ledger::open(&plan.database, kind).await?;
    if task == Task::Requested && !ledger.is_requested().await? {
        return Ok(BackupReport::Nothing);
    }
    if !ledger.lock().await? {
        return Ok(BackupReport::Busy);
    }
    let ended = run_locked(kind, plan, &ledger, clock, rng, watch).await;
    ledger.unlock().await;
    let (run, summary) = ended?;
    Ok(BackupReport::Done { run, summary, seconds: seconds(began.elapsed()) })
}

/// Runs and records a task, under the lock of its kind.
async fn run_locked(
    kind: RunKind,
    plan: &Plan,
    ledger: &Ledger,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<(Uuid, Summary), BackupError> {
    let program = match kind {
        RunKind::Backup => dump::program(plan, ledger).await,
        RunKind::Drill => restore::program(plan, ledger).await,
    };
    let version = program.as_ref().map_or("none", |program| program.version.as_str());
    let now = clock.now();
    let run = ledger.begin(rng.uuid(now), version, now).await?;
    let done = match (kind, program) {
        (_, Err(error)) => Err(error),
        (RunKind::Backup, Ok(program)) => backup(plan, ledger, &program, clock, rng, watch).await,
        (RunKind::Drill, Ok(_)) => drill::run(plan, watch).await,
    };
    let recorded = ledger.finish(run, done.as_ref(), clock.now()).await;
    let summary = done.inspect_err(|_| {
        if let Err(error) = &recorded {
            tracing::warn!(%error, "cannot record the failure; the next run does");
        }
    })?;
    recorded.map(|()| (run, summary))
}

/// Creates a backup within the time limit; removes what it leaves unfinished.
async fn backup(
    plan: &Plan,
    ledger: &Ledger,
    program: &programs::Program,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let dumped = tokio::time::timeout(plan.time_limit, dump::run(plan, ledger, program, clock, rng, watch)).await;
    let done = dumped.unwrap_or(Err(BackupError::OutOfTime));
    if done.is_err()
        && let Err(error) = plan.store.clean_up().await
    {
        tracing::warn!(%error, "cannot remove what the failed run left; the next run does");
    }
    done
}

/// Rounded to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
