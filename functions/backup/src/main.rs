//! The backup function: schedules invoke it, each with the task that it is for.

use holdfast_backup::{BackupError, Plan, Report, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// What to do; a backup, where no task is named.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    task: Task,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// A run that failed makes the invocation fail, so that the alarm on errors hears of it.
async fn handle(event: LambdaEvent<Event>) -> Result<Report, Error> {
    let task = event.payload.task;
    // In a box: a run is many futures deep, and the compiler follows them only so far.
    let report = Box::pin(run(task)).await.inspect_err(|error| tracing::error!(?task, %error, "the run failed"))?;
    tracing::info!(?task, report = %serde_json::to_string(&report).unwrap_or_default(), "the run ended");
    Ok(report)
}

/// Settings are read at each run, so that a rotated secret needs no new deployment.
async fn run(task: Task) -> Result<Report, BackupError> {
    let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
    holdfast_backup::run(task, &plan, &SystemClock, &SystemRng, &|_| ()).await
}
