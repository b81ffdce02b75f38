//! The task `expire`: deletes expired rows permanently, in batches short enough that no request waits for one.

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

/// The accounts' secrets are deleted by the foreign key.
const ACCOUNTS: &str =
    "DELETE FROM accounts WHERE id IN (SELECT id FROM accounts WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2)";
/// The sessions' refresh tokens are deleted by the foreign key.
const SESSIONS: &str =
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
const ANSWERS: &str = "DELETE FROM idempotency_keys WHERE (tenant_id, actor_id, key) IN
    (SELECT tenant_id, actor_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
/// The levels of all kinds have fallen to zero by then.
const ATTEMPTS: &str = "DELETE FROM attempts WHERE key IN
    (SELECT key FROM attempts WHERE counted_at < $1 ORDER BY counted_at LIMIT $2)";
const CHECKS: &str =
    "DELETE FROM schema_checks WHERE id IN (SELECT id FROM schema_checks WHERE at < $1 ORDER BY at LIMIT $2)";

/// Numbers of deleted rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// Accounts, `RETENTION_DAYS` after they were soft-deleted.
    pub accounts: u64,
    /// Sessions, 30 days after they expired.
    pub sessions: u64,
    /// Responses stored for an `Idempotency-Key`, after a day.
    pub answers: u64,
    /// Counts of attempts at passwords and codes, a day after the last one.
    pub attempts: u64,
    /// Schema checks, after 90 days.
    pub checks: u64,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Expired, TaskError> {
    let now = context.now();
    let kept = SignedDuration::from_hours(24 * i64::from(context.plan.account_retention_days));
    Ok(Expired {
        accounts: delete_all(context, ACCOUNTS, now - kept).await?,
        sessions: delete_all(context, SESSIONS, now - SESSIONS_KEPT).await?,
        answers: delete_all(context, ANSWERS, now - DAY).await?,
        attempts: delete_all(context, ATTEMPTS, now - DAY).await?,
        checks: delete_all(context, CHECKS, now - CHECKS_KEPT).await?,
    })
}

/// Deletes batch by batch, until nothing is left or the time is up. Returns the number of deleted rows.
async fn delete_all(context: &Context<'_>, delete: &str, before: Timestamp) -> Result<u64, TaskError> {
    let mut total = 0;
    while context.has_time() {
        let values: [&(dyn ToSql + Sync); 2] = [&before, &BATCH];
        let deleted = context.client.execute(delete, &values).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(total)
}
