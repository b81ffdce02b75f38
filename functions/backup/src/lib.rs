//! Backups that are proven to restore: an archive of all rows in a store that nobody can change, on a schedule or when an
//! operator requests it; a drill that restores the newest one and compares it with its manifest; and the restore itself.
//!
//! A backup is data: no archive holds code, and nothing is restored before the signature of its manifest is verified. The
//! function reads everything and writes only its own rows. No archive is ever on its disk, and two runs of a kind never
//! overlap.

mod archive;
mod backup;
mod canary;
mod digest;
mod drill;
mod error;
mod facts;
mod ledger;
mod login;
mod manifest;
mod plan;
mod progress;
mod restore;
mod seals;
mod signer;
mod snapshot;
mod store;
pub mod tables;

use std::time::{Duration, Instant};

use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use error::BackupError;
pub use ledger::{RunKind, Summary};
pub use login::Login;
pub use manifest::{Manifest, SealReference, StoredTable};
pub use plan::Plan;
pub use progress::{Progress, Watch};
pub use restore::{Restored, Source, restore};
pub use signer::{BackupSigner, SigningKey, pins};
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
    let now = clock.now();
    let run = ledger.begin(rng.uuid(now), now).await?;
    let done = match kind {
        RunKind::Backup => backup(plan, ledger, clock, rng, watch).await,
        RunKind::Drill => drill::run(plan, ledger, clock, rng, watch).await,
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
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let ended = tokio::time::timeout(plan.time_limit, backup::run(plan, ledger, clock, rng, watch)).await;
    let done = ended.unwrap_or(Err(BackupError::OutOfTime));
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
