//! The maintenance function: `EventBridge` invokes it on schedules, each with the task that it is for.

use holdfast_maintenance::{MaintenanceError, Plan, Report, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// What to do; everything, where no task is named.
#[derive(Deserialize)]
struct Maintain {
    task: Option<Task>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// A task that failed makes the invocation fail, so that the alarm on errors hears of it.
async fn handle(event: LambdaEvent<Maintain>) -> Result<Report, Error> {
    let report = run(event.payload.task).await.inspect_err(|error| tracing::error!(%error, "maintenance failed"))?;
    match report.failure() {
        Some(failure) => Err(MaintenanceError::Tasks(failure).into()),
        None => Ok(report),
    }
}

/// Settings are read at each run, so that a rotated secret needs no new deployment.
async fn run(task: Option<Task>) -> Result<Report, MaintenanceError> {
    let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
    let tasks = task.map_or(Task::ALL.to_vec(), |task| vec![task]);
    holdfast_maintenance::run(&plan, &tasks, &SystemClock).await
}
