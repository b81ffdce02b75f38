//! The migrate function: the deployment pipeline invokes it before it rolls out the others.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use migrate::{Plan, Report};
use serde::Deserialize;
use shared::clock::SystemClock;
use shared::config::Settings;
use shared::entropy::SystemEntropy;

/// The event asks for nothing in particular: what to do is in the settings.
#[derive(Deserialize)]
struct Migrate {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Settings are read at each run, so that a rotated secret needs no new deployment.
async fn handle(_: LambdaEvent<Migrate>) -> Result<Report, Error> {
    let report = run().await.inspect_err(|error| tracing::error!(%error, "migration failed"))?;
    tracing::info!(
        version_before = report.version_before,
        version = report.version,
        applied = report.applied.join(", "),
        logins = report.logins.join(", "),
        tenants_created = report.created.tenants,
        users_created = report.created.users,
        tokens_created = report.created.tokens,
        signing_keys_registered = report.created.signing_keys,
        "migrated"
    );
    Ok(report)
}

async fn run() -> Result<Report, migrate::MigrateError> {
    let settings = Settings::from_environment().await?;
    let plan = Plan::from_settings(&settings).await?;
    migrate::run(&plan, &SystemClock, &SystemEntropy).await
}
