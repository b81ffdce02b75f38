//! The maintenance function: `EventBridge` invokes it on schedules, each with its task. With other rights, the same code is the
//! verifier of the audit log.

use holdfast_maintenance::{MaintenanceError, Plan, Task, VerificationPlan};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::Settings;
use holdfast_shared::telemetry::emf::{self, Number, Unit};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A scheduled event.
#[derive(Deserialize)]
#[serde(untagged)]
enum MaintenanceEvent {
    /// Compares the newest seals with the database, as the role that may change neither.
    Verify {
        /// Always `verify`.
        #[serde(rename = "task")]
        _task: Verify,
        /// Number of the newest seals to compare; all if absent.
        newest: Option<usize>,
    },
    /// Runs a task; all tasks if none is named.
    Maintain {
        /// The task.
        task: Option<Task>,
    },
}

/// The word `verify`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verify {
    Verify,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Fails the invocation if a task failed or a verification found something: the alarm on errors watches invocations.
async fn handle(event: LambdaEvent<MaintenanceEvent>) -> Result<Value, Error> {
    let done = match event.payload {
        // Boxed, because the SDK's futures are large, and become part of the callers'.
        MaintenanceEvent::Verify { newest, .. } => Box::pin(verify(newest)).await,
        MaintenanceEvent::Maintain { task } => Box::pin(maintain(task)).await,
    };
    Ok(done.inspect_err(|error| tracing::error!(%error, "maintenance failed"))?)
}

/// Reads the settings at each run, so that a rotated secret needs no deployment.
async fn maintain(task: Option<Task>) -> Result<Value, MaintenanceError> {
    let plan = Plan::from_settings(&Settings::from_environment().await?).await?;
    let tasks = task.map_or(Task::ALL.to_vec(), |task| vec![task]);
    let report = holdfast_maintenance::run(&plan, &tasks, &SystemClock).await?;
    match report.failure() {
        Some(failure) => Err(MaintenanceError::Tasks(failure)),
        None => Ok(json!(report)),
    }
}

async fn verify(newest: Option<usize>) -> Result<Value, MaintenanceError> {
    let settings = Settings::from_environment().await?;
    let plan = VerificationPlan { newest, ..VerificationPlan::from_settings(&settings, None).await? };
    let verification = holdfast_maintenance::verify(&plan).await?;
    let count = u32::try_from(verification.findings.len()).unwrap_or(u32::MAX);
    let number = Number { name: "AuditFindings", unit: Unit::Count, value: f64::from(count) };
    emf::write(SystemClock.now(), &[number], Map::from_iter([("message".to_owned(), json!("verified"))]));
    for finding in &verification.findings {
        tracing::error!(%finding, "the audit log differs from its stored seals");
    }
    match verification.findings.first() {
        Some(first) => Err(MaintenanceError::Tasks(format!("verify: {count} findings, such as: {first}"))),
        None => Ok(json!(verification)),
    }
}
