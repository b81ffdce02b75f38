//! The maintenance function: `EventBridge` invokes it on schedules, each with its task.

use holdfast_maintenance::{MaintenanceError, MaintenanceReport, Plan, Task};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// The task to run; all tasks if none is named.
#[derive(Deserialize)]
struct MaintenanceEvent {
    task: Option<Task>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Fails the invocation if a task failed: the alarm on errors watches invocations.
async fn handle(event: LambdaEvent<MaintenanceEvent>) -> Result<MaintenanceReport, Error> {
    let report = run(event.payload.task).await.inspect_err(|error| tracing::error!(%error, "maintenance failed"))?;
    match report.failure() {
        Some(failure) => Err(MaintenanceError::Tasks(failure).into()),
        None => Ok(report),
    }
}

/// Reads the settings at each run, so that a rotated secret needs no deployment.
async fn run(task: Option<Task>) -> Result<MaintenanceReport, MaintenanceError> {
    let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
    let tasks = task.map_or(Task::ALL.to_vec(), |task| vec![task]);
    holdfast_maintenance::run(&plan, &tasks, &SystemClock).await
}
