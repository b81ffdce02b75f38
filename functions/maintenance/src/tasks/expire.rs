//! The task `expire`: deletes for good what has served its time, in batches that nobody has to wait for.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_postgres::types::ToSql;

use crate::context::Context;
use crate::error::TaskError;

/// Rows of one batch.
const BATCH: i64 = 500;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A user who signed in from an address within this time is known there.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
const CHECKS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// With their secrets, which refer to them.
const ACCOUNTS: &str =
    "DELETE FROM accounts WHERE id IN (SELECT id FROM accounts WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2)";
/// With their refresh tokens, likewise.
const SESSIONS: &str =
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
const ANSWERS: &str = "DELETE FROM idempotency_keys WHERE (tenant_id, actor_id, key) IN
    (SELECT tenant_id, actor_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
const THROTTLES: &str = "DELETE FROM login_throttles WHERE key IN
    (SELECT key FROM login_throttles WHERE failed_at < $1 AND blocked_until < $1 LIMIT $2)";
const CHECKS: &str =
    "DELETE FROM schema_checks WHERE id IN (SELECT id FROM schema_checks WHERE at < $1 ORDER BY at LIMIT $2)";

/// How many rows went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// Accounts that were deleted longer ago than `RETENTION_DAYS`.
    pub accounts: u64,
    /// Sessions that ran out 30 days ago.
    pub sessions: u64,
    /// Answers kept for an `Idempotency-Key` for a day.
    pub answers: u64,
    /// Failed sign-ins that were forgotten a day ago.
    pub throttles: u64,
    /// Checks of the schema, after 90 days.
    pub checks: u64,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Expired, TaskError> {
    let now = context.now();
    let kept = SignedDuration::from_hours(24 * i64::from(context.plan.account_retention_days));
    Ok(Expired {
        accounts: all(context, ACCOUNTS, now - kept).await?,
        sessions: all(context, SESSIONS, now - SESSIONS_KEPT).await?,
        answers: all(context, ANSWERS, now - DAY).await?,
        throttles: all(context, THROTTLES, now - DAY).await?,
        checks: all(context, CHECKS, now - CHECKS_KEPT).await?,
    })
}

/// Batch by batch, until nothing is left or the time is over.
async fn all(context: &Context<'_>, delete: &str, before: Timestamp) -> Result<u64, TaskError> {
    let mut gone = 0;
    while context.has_time() {
        let values: [&(dyn ToSql + Sync); 2] = [&before, &BATCH];
        let deleted = context.client.execute(delete, &values).await?;
        gone += deleted;
        if deleted < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(gone)
}
