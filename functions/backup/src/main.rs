//! The backup function: schedules invoke it, each with its task.

use holdfast_backup::{BackupError, BackupReport, Plan, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// The task to run; a backup if none is named.
#[derive(Deserialize)]
struct BackupEvent {
    #[serde(default)]
    task: Task,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Fails the invocation if the run failed: the alarm on errors watches invocations.
async fn handle(event: LambdaEvent<BackupEvent>) -> Result<BackupReport, Error> {
    let task = event.payload.task;
    // Boxed: the nested futures of a run exceed the compiler's depth limit.
    let report = Box::pin(run(task)).await.inspect_err(|error| tracing::error!(?task, %error, "run failed"))?;
    tracing::info!(?task, report = %serde_json::to_string(&report).unwrap_or_default(), "run ended");
    Ok(report)
}

/// Reads the settings at each run, so that a rotated secret needs no deployment.
async fn run(task: Task) -> Result<BackupReport, BackupError> {
    let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
    holdfast_backup::run(task, &plan, &SystemClock, &SystemRng, &|_| ()).await
}
