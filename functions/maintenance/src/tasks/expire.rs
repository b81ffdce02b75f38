//! The task `expire`: deletes expired rows permanently, in batches short enough that no request waits for one, and signing keys
//! whose last token has expired, in KMS too.

use holdfast_shared::identity::signing_kms::schedule_deletion;
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

/// A day after its last token has expired, no function has the key in its memory. The configured key is not Holdfast's to delete,
/// and its row keeps it from being registered again.
const SIGNING_KEYS: &str =
    "SELECT kid, provider_key FROM signing_keys WHERE origin = 'rotation' AND expires_at < $1 ORDER BY expires_at";
const SIGNING_KEY: &str = "DELETE FROM signing_keys WHERE kid = $1";

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
    /// Signing keys of rotations, a day after their last token expired; KMS deletes them 30 days later.
    pub signing_keys: u64,
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
        signing_keys: delete_signing_keys(context, now - DAY).await?,
    })
}

/// Schedules the deletion of each key in KMS, and then deletes its row: a run that is cut short does the rest the next time.
async fn delete_signing_keys(context: &Context<'_>, before: Timestamp) -> Result<u64, TaskError> {
    let mut total = 0;
    for row in context.client.query(SIGNING_KEYS, &[&before]).await? {
        let (kid, provider_key): (&str, Option<&str>) = (row.try_get("kid")?, row.try_get("provider_key")?);
        if let Some(key_id) = provider_key {
            let kms = aws_sdk_kms::Client::new(holdfast_shared::aws::config().await);
            schedule_deletion(&kms, key_id).await?;
        }
        total += context.client.execute(SIGNING_KEY, &[&kid]).await?;
    }
    Ok(total)
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
