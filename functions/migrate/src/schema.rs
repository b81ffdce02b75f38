//! The versioned steps: applied by one run at a time, forward only, each in its own transaction, after a check that the
//! steps applied before are those of this build.

use std::time::Duration;

use refinery::Migration;
use refinery::error::Kind;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::error::MigrateError;
use crate::steps::Steps;

/// Advisory lock that all runs in one database take: the bytes of "holdfast".
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");

const SET_LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', $1, false)";
const TAKE_LOCK: &str = "SELECT pg_advisory_lock($1)";
const HAS_HISTORY: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL AS found";
const VERSION: &str = "SELECT coalesce(max(version), 0) AS version FROM refinery_schema_history";

/// Creates a year of partitions. The maintenance function creates more, and none may be missing before its first run.
const CREATE_PARTITIONS: &str = "SELECT create_audit_partitions(p_months => 12)";
/// No backup has the key, and the first request must not create it: others would wait for that request to end.
const CREATE_BINDING_KEY: &str = "SELECT create_binding_key()";

/// Takes the lock that makes this the only run in its database.
pub(crate) async fn lock(owner: &Client, wait: Duration) -> Result<(), MigrateError> {
    let previous: String = owner.query_one("SHOW lock_timeout", &[]).await?.try_get("lock_timeout")?;
    owner.execute(SET_LOCK_TIMEOUT, &[&format!("{}ms", wait.as_millis().max(1))]).await?;
    match owner.execute(TAKE_LOCK, &[&LOCK]).await {
        Ok(_) => {}
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Err(MigrateError::Busy(wait)),
        Err(error) => return Err(error.into()),
    }
    owner.execute(SET_LOCK_TIMEOUT, &[&previous]).await?;
    Ok(())
}

/// Returns the version of the schema; 0 without one.
pub(crate) async fn version(owner: &Client) -> Result<i32, MigrateError> {
    let exists: bool = owner.query_one(HAS_HISTORY, &[]).await?.try_get("found")?;
    if exists { Ok(owner.query_one(VERSION, &[]).await?.try_get("version")?) } else { Ok(0) }
}

/// Checks that the applied steps are those of this build.
pub(crate) async fn check(owner: &mut Client, steps: &Steps, version: i32) -> Result<(), MigrateError> {
    let known = steps.newest();
    if version > known {
        return Err(MigrateError::Newer { found: version, known });
    }
    if version == 0 {
        return Ok(());
    }
    let applied = steps.runner().get_applied_migrations_async(owner).await.map_err(|error| failed(&error))?;
    for step in &applied {
        match steps.get(step.version()) {
            Some(known) if known == step => {}
            Some(_) => return Err(changed(step)),
            None => return Err(unknown(step)),
        }
    }
    Ok(())
}

/// Applies the missing steps, and returns their names.
pub(crate) async fn apply(owner: &mut Client, steps: &Steps) -> Result<Vec<String>, MigrateError> {
    let report = steps.runner().run_async(owner).await.map_err(|error| failed(&error))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Creates missing partitions for the coming months of the audit log.
pub(crate) async fn create_partitions(owner: &Client) -> Result<(), MigrateError> {
    owner.execute(CREATE_PARTITIONS, &[]).await?;
    Ok(())
}

/// Creates the key that binds actors to transactions, if it is missing.
pub(crate) async fn create_binding_key(owner: &Client) -> Result<(), MigrateError> {
    owner.execute(CREATE_BINDING_KEY, &[]).await?;
    Ok(())
}

fn changed(step: &Migration) -> MigrateError {
    MigrateError::Changed(format!("migration {step} was changed after it was applied"))
}

fn unknown(step: &Migration) -> MigrateError {
    MigrateError::Changed(format!("migration {step} was applied, and is not in this build"))
}

fn failed(error: &refinery::Error) -> MigrateError {
    match error.kind() {
        Kind::DivergentVersion(applied, _) => changed(applied),
        Kind::MissingVersion(applied) => unknown(applied),
        Kind::Connection(what, cause) => {
            let what = what.trim_matches('`');
            MigrateError::Step(format!("{what}: {}", holdfast_shared::db::cause(cause.as_ref())).replace('\n', " "))
        }
        _ => MigrateError::Step(error.to_string()),
    }
}
