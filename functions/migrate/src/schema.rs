//! Bringing the schema up to date: one run at a time, forward only, each step in its own transaction, checked against
//! what was applied before.

use std::time::Duration;

use refinery::Migration;
use refinery::error::Kind;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::error::MigrateError;
use crate::steps::Steps;

/// What all runs in one database agree on: the bytes of "holdfast".
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");

const SET_LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', $1, false)";
const TAKE_LOCK: &str = "SELECT pg_advisory_lock($1)";
const HAS_HISTORY: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";

/// A year of partitions: the maintenance function creates more, and until it runs for the first time none may be missing.
const CREATE_PARTITIONS: &str = "SELECT create_audit_partitions(p_months => 12)";

/// Takes the lock that makes this the only run in its database.
pub(crate) async fn lock(owner: &Client, wait: Duration) -> Result<(), MigrateError> {
    let usual: String = owner.query_one("SHOW lock_timeout", &[]).await?.try_get(0)?;
    owner.execute(SET_LOCK_TIMEOUT, &[&format!("{}ms", wait.as_millis().max(1))]).await?;
    match owner.execute(TAKE_LOCK, &[&LOCK]).await {
        Ok(_) => {}
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Err(MigrateError::Busy(wait)),
        Err(error) => return Err(error.into()),
    }
    owner.execute(SET_LOCK_TIMEOUT, &[&usual]).await?;
    Ok(())
}

/// The version that the schema is at; 0 where there is none.
pub(crate) async fn version(owner: &Client) -> Result<i32, MigrateError> {
    let exists: bool = owner.query_one(HAS_HISTORY, &[]).await?.try_get(0)?;
    if exists { Ok(owner.query_one(VERSION, &[]).await?.try_get(0)?) } else { Ok(0) }
}

/// Checks that what was applied is what the steps say.
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

/// Applies what is missing, and gives the names of the steps applied.
pub(crate) async fn apply(owner: &mut Client, steps: &Steps) -> Result<Vec<String>, MigrateError> {
    let report = steps.runner().run_async(owner).await.map_err(|error| failed(&error))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Creates the partitions of the audit log's coming months that are missing.
pub(crate) async fn create_partitions(owner: &Client) -> Result<(), MigrateError> {
    owner.execute(CREATE_PARTITIONS, &[]).await?;
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
