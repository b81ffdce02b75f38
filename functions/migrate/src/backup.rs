//! The backup before a major step: what such a step takes away, only a backup can bring back.

use jiff::{SignedDuration, Timestamp};
use refinery::Migration;
use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::plan::Plan;
use crate::steps::major;

const HAS_BACKUPS: &str = "SELECT to_regclass('backup_runs') IS NOT NULL";
/// Not one that a clock that ran ahead has dated.
const NEWEST: &str = "SELECT max(started_at) FROM backup_runs
     WHERE kind = 'backup' AND state = 'succeeded' AND started_at <= $1::timestamptz + interval '5 minutes'";

/// Checks that there is a backup young enough, where one of the steps is major and there is something to lose.
///
/// # Errors
/// [`MigrateError::NoBackup`], which names the step.
pub(crate) async fn check(
    owner: &Client,
    plan: &Plan,
    version: i32,
    pending: &[&Migration],
    now: Timestamp,
) -> Result<(), MigrateError> {
    let majors = pending.iter().find_map(|step| Some((step, major(step)?)));
    let Some((step, why)) = majors.filter(|_| version > 0) else { return Ok(()) };
    if let Some(backup) = &plan.other_backup {
        tracing::warn!(%step, why, backup, "a major step goes ahead on a backup that was made otherwise");
        return Ok(());
    }
    // It tells of the database as it was when it began.
    let began = newest(owner, now).await?;
    if began.is_some_and(|began| now.duration_since(began) <= plan.max_backup_age) {
        return Ok(());
    }
    Err(MigrateError::NoBackup {
        step: step.to_string(),
        why: why.to_owned(),
        age: began.map(|began| hours(now.duration_since(began))),
        most: hours(plan.max_backup_age),
    })
}

async fn newest(owner: &Client, now: Timestamp) -> Result<Option<Timestamp>, MigrateError> {
    let exists: bool = owner.query_one(HAS_BACKUPS, &[]).await?.try_get(0)?;
    if exists { Ok(owner.query_one(NEWEST, &[&now]).await?.try_get(0)?) } else { Ok(None) }
}

fn hours(duration: SignedDuration) -> i64 {
    duration.as_hours()
}
