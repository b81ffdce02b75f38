//! The task `partitions`: creates upcoming monthly partitions of the audit log and drops expired ones. Before a month is
//! dropped, a signed seal that is stored outside the database names it; the role cannot drop any other.

use holdfast_shared::audit::DroppedMonth;
use holdfast_shared::db::FromRow;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::seal;
use crate::context::Context;
use crate::error::TaskError;
use crate::task::Task;

/// Months that are created ahead.
const MONTHS_AHEAD: i32 = 12;
/// Limit of the months that one seal names, so that the seal fits into a KMS request; the next run names the next ones.
const MAX_DROPS: usize = 12;

const CREATE: &str = "SELECT create_audit_partitions($1) AS created";
/// Expired months whose rows are all sealed and that no seal names yet.
const EXPIRED: &str = "SELECT p.partition, p.from_at, p.before_at, p.rows FROM audit_partitions_before($1) p
     WHERE NOT EXISTS (SELECT FROM audit_drops d WHERE d.partition = p.partition)
       AND NOT EXISTS (SELECT FROM http_audit_log l WHERE l.at >= p.from_at AND l.at < p.before_at
                          AND (l.epoch, l.transaction_id) >= (SELECT epoch, to_transaction FROM audit_seals ORDER BY number DESC LIMIT 1))
       AND EXISTS (SELECT FROM audit_seals)";
/// Months that a stored seal names as dropped.
const NAMED: &str = "SELECT d.partition FROM audit_drops d JOIN audit_deliveries USING (seal_number)
     WHERE to_regclass('public.' || d.partition) IS NOT NULL ORDER BY d.partition";
const DROP: &str = "SELECT drop_audit_partition($1) AS dropped";

/// Result of the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Partitions {
    /// Months created.
    pub created: i32,
    /// Months that a seal named as dropped.
    pub named: u64,
    /// Months dropped.
    pub dropped: u64,
}

#[derive(FromRow)]
struct ExpiredMonth {
    partition: String,
    #[row(column = "from_at")]
    from: Timestamp,
    #[row(column = "before_at")]
    before: Timestamp,
    #[row(with = "i64::unsigned_abs")]
    rows: u64,
}

impl From<ExpiredMonth> for DroppedMonth {
    fn from(ExpiredMonth { partition, from, before, rows }: ExpiredMonth) -> Self {
        Self { partition, from, before, rows }
    }
}

pub(crate) async fn run(context: &mut Context<'_>) -> Result<Partitions, TaskError> {
    let created = context.client.query_one(CREATE, &[&MONTHS_AHEAD]).await?.try_get("created")?;
    let mut done = Partitions { created, ..Partitions::default() };
    let kept = SignedDuration::from_hours(i64::from(context.plan.retention_days) * 24);
    let expired = context.client.query(EXPIRED, &[&(context.now() - kept)]).await?;
    let drops = expired.iter().take(MAX_DROPS).map(|row| ExpiredMonth::from_row(row).map(DroppedMonth::from));
    let drops: Vec<DroppedMonth> = drops.collect::<Result<_, _>>()?;
    if !drops.is_empty() {
        done.named = drops.len() as u64;
        announce(context, drops).await?;
    }
    for row in context.client.query(NAMED, &[]).await? {
        let partition: &str = row.try_get("partition")?;
        let dropped = context.client.query_one(DROP, &[&partition]).await?;
        if dropped.try_get::<_, Option<i64>>("dropped")?.is_some() {
            tracing::warn!(partition, "dropped a month of the audit log, as announced by a seal");
            done.dropped += 1;
        }
    }
    Ok(done)
}

/// Names the months in a seal and stores it, under the lock of [`Task::Seal`]: only one run at a time adds seals.
async fn announce(context: &mut Context<'_>, drops: Vec<DroppedMonth>) -> Result<(), TaskError> {
    if !context.lock(Task::Seal).await? {
        return Err(TaskError::Busy);
    }
    let announced = seal::announce(context, drops).await;
    context.unlock(Task::Seal).await;
    announced
}
