//! The migrate function: the deployment pipeline invokes it before it rolls out the others.

use holdfast_migrate::{Plan, Report};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::telemetry::emf::{self, Number};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Map;

/// Options of one run; everything else is in the settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Migrate {
    /// Reports what would be applied, and changes nothing.
    #[serde(default)]
    dry_run: bool,
    /// Name of a backup that was created elsewhere, such as a snapshot, before a major step.
    other_backup: Option<String>,
    /// Sets the roles' passwords to those of their functions' secrets again.
    #[serde(default)]
    reset_logins: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Reads the settings at each run, so that a rotated secret needs no new deployment.
async fn handle(event: LambdaEvent<Migrate>) -> Result<Report, Error> {
    let result = run(event.payload).await;
    let failed = Number::count("MigrationFailed", f64::from(u8::from(result.is_err())));
    emf::write(SystemClock.now(), &[failed], Map::new());
    let report = result.inspect_err(|error| tracing::error!(%error, "migration failed"))?;
    tracing::info!(
        version_before = report.version_before,
        version = report.version,
        applied = report.applied.join(", "),
        pending = report.pending.len(),
        logins = report.logins.join(", "),
        tenants_created = report.created.tenants,
        users_created = report.created.users,
        tokens_created = report.created.tokens,
        signing_keys_registered = report.created.signing_keys,
        "migrated"
    );
    Ok(report)
}

async fn run(
    Migrate { dry_run, other_backup, reset_logins }: Migrate,
) -> Result<Report, holdfast_migrate::MigrateError> {
    let settings = Settings::from_environment().await?;
    let plan = Plan { dry_run, other_backup, reset_logins, ..Plan::from_settings(&settings).await? };
    holdfast_migrate::run(&plan, &SystemClock, &SystemRng).await
}
