//! Adds the rows of rejections that the database counted instead of recording each (`migrations/functions/rejections`).

use crate::context::Context;
use crate::error::TaskError;

/// Counts of one transaction.
const BATCH: i32 = 500;

const RECORD: &str = "SELECT record_rejections($1, $2) AS recorded";

/// Replaces the counts of past minutes by rows of the log, until none is left or the time is up. Returns the number of rows.
pub(super) async fn record(context: &Context<'_>) -> Result<u64, TaskError> {
    let mut total = 0;
    while context.has_time() {
        let row = context.client.query_one(RECORD, &[&context.now(), &BATCH]).await?;
        let recorded: i64 = row.try_get("recorded")?;
        total += recorded.unsigned_abs();
        if recorded < i64::from(BATCH) {
            break;
        }
    }
    Ok(total)
}
