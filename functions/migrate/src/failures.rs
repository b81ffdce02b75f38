//! Records of failed steps: a row for operators and metrics, which a later run deletes once it gets past the step.

use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::plan::Plan;
use crate::schema;

/// Longer messages are truncated; the function's log has the whole message.
const MAX_CHARACTERS: usize = 2000;

const HAS_FAILURES: &str = "SELECT to_regclass('migration_failures') IS NOT NULL AS found";
const CLEAR: &str = "DELETE FROM migration_failures WHERE version <= $1";
const RECORD: &str = "INSERT INTO migration_failures (id, at, version, error) VALUES ($1, $2, $3, $4)";

/// Deletes the failures up to the version that the schema is at: this run got past them.
pub(crate) async fn clear(owner: &Client, version: i32) -> Result<(), MigrateError> {
    owner.execute(CLEAR, &[&version]).await?;
    Ok(())
}

/// Records a step that failed. Where the database is lost, or its schema is older than the table of failures, only the
/// log records it.
pub(crate) async fn record(owner: Client, plan: &Plan, failure: &MigrateError, clock: &dyn Clock, rng: &dyn Rng) {
    if !matches!(failure, MigrateError::Step(_)) {
        return;
    }
    if let Err(error) = write(owner, plan, failure, clock, rng).await {
        tracing::warn!(%error, "the failure could not be recorded");
    }
}

async fn write(
    owner: Client,
    plan: &Plan,
    failure: &MigrateError,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<(), MigrateError> {
    let owner = if owner.is_closed() { plan.connect().await? } else { owner };
    if !owner.query_one(HAS_FAILURES, &[]).await?.try_get::<_, bool>("found")? {
        return Ok(());
    }
    let (now, version) = (clock.now(), schema::version(&owner).await?);
    let error: String = failure.to_string().chars().take(MAX_CHARACTERS).collect();
    owner.execute(RECORD, &[&rng.uuid(now), &now, &version, &error]).await?;
    Ok(())
}
