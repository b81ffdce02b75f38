//! The task `partitions`: makes the audit log's months ahead, and drops those that have served their time. A month is named
//! in a signed seal, which is stored outside the database, before it is dropped; the role that does it cannot drop any
//! other.

use holdfast_shared::audit::Dropped;
use holdfast_shared::db::FromRow;
use jiff::SignedDuration;
use serde::Serialize;
use tokio_postgres::Row;

use super::seal;
use crate::context::Context;
use crate::error::TaskError;
use crate::task::Task;

/// How many months are made ahead.
const MONTHS_AHEAD: i32 = 12;
/// A seal names no more months than these, so that KMS takes it whole; the next run names the next ones.
const MAX_DROPS: usize = 12;

const CREATE: &str = "SELECT create_audit_partitions($1)";
const DUE: &str = "SELECT p.partition, p.from_at, p.before_at, p.rows FROM audit_partitions_before($1) p
     WHERE NOT EXISTS (SELECT FROM audit_drops d WHERE d.partition = p.partition)
       AND NOT EXISTS (SELECT FROM http_audit_log l WHERE l.at >= p.from_at AND l.at < p.before_at
                          AND (l.epoch, l.transaction_id) >= (SELECT epoch, to_transaction FROM audit_seals ORDER BY number DESC LIMIT 1))
       AND EXISTS (SELECT FROM audit_seals)";
const NAMED: &str = "SELECT d.partition FROM audit_drops d JOIN audit_deliveries USING (seal_number)
     WHERE to_regclass('public.' || d.partition) IS NOT NULL ORDER BY 1";
const DROP: &str = "SELECT drop_audit_partition($1)";

/// What the task did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Partitions {
    /// Months made.
    pub created: i32,
    /// Months named as dropped by a seal.
    pub named: u64,
    /// Months dropped.
    pub dropped: u64,
}

impl FromRow for DroppedRow {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let rows: i64 = row.try_get(3)?;
        Ok(Self(Dropped {
            partition: row.try_get(0)?,
            from: row.try_get(1)?,
            before: row.try_get(2)?,
            rows: rows.unsigned_abs(),
        }))
    }
}

/// A month whose time is over and whose rows are all sealed.
struct DroppedRow(Dropped);

pub(crate) async fn run(context: &mut Context<'_>) -> Result<Partitions, TaskError> {
    let created = context.client.query_one(CREATE, &[&MONTHS_AHEAD]).await?.try_get(0)?;
    let mut done = Partitions { created, ..Partitions::default() };
    let kept = SignedDuration::from_hours(i64::from(context.plan.retention_days) * 24);
    let due = context.client.query(DUE, &[&(context.now() - kept)]).await?;
    let due = due.iter().map(|row| DroppedRow::from_row(row).map(|DroppedRow(dropped)| dropped));
    let due: Vec<Dropped> = due.take(MAX_DROPS).collect::<Result<_, _>>()?;
    if !due.is_empty() {
        done.named = due.len() as u64;
        announce(context, due).await?;
    }
    for row in context.client.query(NAMED, &[]).await? {
        let partition: &str = row.try_get(0)?;
        if context.client.query_one(DROP, &[&partition]).await?.try_get::<_, Option<i64>>(0)?.is_some() {
            tracing::warn!(partition, "dropped a month of the audit log, as a seal says");
            done.dropped += 1;
        }
    }
    Ok(done)
}

/// Names the months in a seal and stores it. Seals are made by one run at a time.
async fn announce(context: &mut Context<'_>, due: Vec<Dropped>) -> Result<(), TaskError> {
    if !context.lock(Task::Seal).await? {
        return Err(TaskError::Busy);
    }
    let announced = async {
        seal::announce(context, due).await?;
        seal::deliver(context).await
    };
    let announced = announced.await;
    context.unlock(Task::Seal).await;
    announced.map(drop)
}
