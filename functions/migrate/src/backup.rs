//! The backup before a major step: what such a step removes, only a backup can restore.

use jiff::{SignedDuration, Timestamp};
use refinery::Migration;
use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::plan::Plan;
use crate::steps::major;

const HAS_BACKUPS: &str = "SELECT to_regclass('backup_runs') IS NOT NULL AS found";
/// Start of the newest backup. One dated in the future, by a clock that ran ahead, does not count.
const NEWEST: &str = "SELECT max(started_at) AS started_at FROM backup_runs
     WHERE kind = 'backup' AND state = 'succeeded' AND started_at <= $1::timestamptz + interval '5 minutes'";

/// Checks that a recent enough backup exists, where one of the steps is major and the database has a schema already.
///
/// # Errors
/// [`MigrateError::NoBackup`], with the name of the step.
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
        tracing::warn!(%step, why, backup, "a major step proceeds on a backup that was created elsewhere");
        return Ok(());
    }
    // A backup contains the database as it was when the backup started.
    let started_at = newest(owner, now).await?;
    if started_at.is_some_and(|started_at| now.duration_since(started_at) <= plan.max_backup_age) {
        return Ok(());
    }
    Err(MigrateError::NoBackup {
        step: step.to_string(),
        why: why.to_owned(),
        age: started_at.map(|started_at| hours(now.duration_since(started_at))),
        limit: hours(plan.max_backup_age),
    })
}

async fn newest(owner: &Client, now: Timestamp) -> Result<Option<Timestamp>, MigrateError> {
    let exists: bool = owner.query_one(HAS_BACKUPS, &[]).await?.try_get("found")?;
    if exists { Ok(owner.query_one(NEWEST, &[&now]).await?.try_get("started_at")?) } else { Ok(None) }
}

fn hours(duration: SignedDuration) -> i64 {
    duration.as_hours()
}
