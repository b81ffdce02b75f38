//! Backups that are known to restore: a dump into a store that nobody can change, on a schedule or when an operator asks;
//! a drill that restores the newest one and holds it against its manifest; and the restore itself, for the day it is needed.
//!
//! The function reads everything and writes nothing but its own rows. No plaintext of a dump is on its disk, no password on
//! a command line, and two runs of a kind never go on at once.

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
pub use ledger::{Kind, Summary};
pub use login::Login;
pub use manifest::{Facts, Manifest, Seal};
pub use plan::Plan;
pub use programs::Programs;
pub use progress::{Progress, Watch};
pub use restore::{Restored, Source, restore};
pub use store::{Bucket, Folder, Store};

use ledger::Ledger;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A backup.
    #[default]
    Backup,
    /// A backup, if somebody has asked for one.
    Requested,
    /// A drill.
    Drill,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Report {
    /// It did this.
    Done {
        /// The run.
        run: Uuid,
        /// What it found or made.
        #[serde(flatten)]
        summary: Summary,
        /// How long it took.
        seconds: f64,
    },
    /// Another run is at it; there was nothing to do.
    Busy,
    /// Nobody had asked for anything.
    Nothing,
}

impl Task {
    const fn kind(self) -> Kind {
        match self {
            Self::Backup | Self::Requested => Kind::Backup,
            Self::Drill => Kind::Drill,
        }
    }
}

/// Does one task. A run that fails is recorded as failed, and leaves nothing behind.
///
/// # Errors
/// One line that names the fix.
pub async fn run(
    task: Task,
    plan: &Plan,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Report, BackupError> {
    let began = Instant::now();
    let kind = task.kind();
    let ledger = Ledger::open(&plan.database, kind).await?;
    if task == Task::Requested && !ledger.is_requested().await? {
        return Ok(Report::Nothing);
    }
    if !ledger.lock().await? {
        return Ok(Report::Busy);
    }
    let ended = locked(kind, plan, &ledger, clock, rng, watch).await;
    ledger.unlock().await;
    let (run, summary) = ended?;
    Ok(Report::Done { run, summary, seconds: seconds(began.elapsed()) })
}

/// Does and records a run, as the only one of its kind.
async fn locked(
    kind: Kind,
    plan: &Plan,
    ledger: &Ledger,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<(Uuid, Summary), BackupError> {
    let program = match kind {
        Kind::Backup => dump::program(plan, ledger).await,
        Kind::Drill => restore::program(plan, ledger).await,
    };
    let version = program.as_ref().map_or("none", |program| program.version.as_str());
    let now = clock.now();
    let run = ledger.begin(rng.uuid(now), version, now).await?;
    let done = match (kind, program) {
        (_, Err(error)) => Err(error),
        (Kind::Backup, Ok(program)) => backup(plan, ledger, &program, clock, rng, watch).await,
        (Kind::Drill, Ok(_)) => drill::run(plan, watch).await,
    };
    let recorded = ledger.finish(run, done.as_ref(), clock.now()).await;
    let summary = done.inspect_err(|_| {
        if let Err(error) = &recorded {
            tracing::warn!(%error, "the failure could not be recorded; the next run will");
        }
    })?;
    recorded.map(|()| (run, summary))
}

/// A backup within its time; what it leaves unfinished is removed.
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
        tracing::warn!(%error, "what the failed run left could not be removed; the next run will");
    }
    done
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
