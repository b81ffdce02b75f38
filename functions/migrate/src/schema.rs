//! The steps of `migrations/`, embedded: one run at a time, forward only, each in its own transaction, checked against
//! what was applied before.

use std::time::Duration;

use refinery::error::Kind;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::error::MigrateError;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// What all runs in one database agree on: the bytes of "holdfast".
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");

const SET_LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', $1, false)";
const TAKE_LOCK: &str = "SELECT pg_advisory_lock($1)";
const HAS_HISTORY: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";

/// The version that the schema has after a run of this build.
pub fn newest_version() -> i32 {
    embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0)
}

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

/// Applies what is missing. Gives the version before, and the names of the steps applied.
pub(crate) async fn apply(owner: &mut Client) -> Result<(i32, Vec<String>), MigrateError> {
    let before = version(owner).await?;
    let known = newest_version();
    if before > known {
        return Err(MigrateError::Newer { found: before, known });
    }
    let report = embedded::migrations::runner().run_async(owner).await.map_err(|error| failed(&error))?;
    Ok((before, report.applied_migrations().iter().map(ToString::to_string).collect()))
}

async fn version(owner: &Client) -> Result<i32, MigrateError> {
    let exists: bool = owner.query_one(HAS_HISTORY, &[]).await?.try_get(0)?;
    if exists { Ok(owner.query_one(VERSION, &[]).await?.try_get(0)?) } else { Ok(0) }
}

fn failed(error: &refinery::Error) -> MigrateError {
    match error.kind() {
        Kind::DivergentVersion(applied, _) => {
            MigrateError::Changed(format!("migration {applied} was changed after it was applied"))
        }
        Kind::MissingVersion(applied) => {
            MigrateError::Changed(format!("migration {applied} was applied, and is not in this build"))
        }
        Kind::Connection(what, cause) => MigrateError::Step(format!("{what}: {}", shared::db::cause(cause.as_ref()))),
        _ => MigrateError::Step(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_a_gap_and_the_build_serves_the_newest() {
        let runner = embedded::migrations::runner();
        let versions: Vec<i32> = runner.get_migrations().iter().map(refinery::Migration::version).collect();
        assert_eq!(versions, (1..=newest_version()).collect::<Vec<_>>());
        assert_eq!(*shared::db::SCHEMA_VERSIONS.end(), newest_version());
    }
}
