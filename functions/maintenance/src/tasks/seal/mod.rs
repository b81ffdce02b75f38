//! The task `seal`: signs the new rows of the audit log, seal by seal, and stores each seal where the owner of the database
//! cannot change it. A row is sealed only after every transaction up to its own has ended, so that no late commit is missed.

mod chain;
mod delivery;
mod memory;
mod rejections;

use holdfast_shared::audit::{AuditRow, DroppedMonth, TransactionRange};
use serde::Serialize;

use crate::context::Context;
use crate::error::TaskError;
use chain::SealChain;
use delivery::deliver;

/// Result of the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// Seals created.
    pub seals: u64,
    /// Rows that they seal.
    pub rows: u64,
    /// Seals stored.
    pub delivered: u64,
    /// Rows added for rejections that were counted.
    pub aggregated: u64,
}

/// Adds the rows of the rejections that were counted, seals until nothing is left or the time is up, then stores the seals that
/// are not stored yet.
pub(crate) async fn run(context: &mut Context<'_>) -> Result<Sealed, TaskError> {
    let mut done = Sealed::default();
    // A failure is reported, but does not keep the other rows from being sealed.
    let aggregated = rejections::record(context).await;
    let mut chain = SealChain::open(context).await?;
    while context.has_time() {
        let Some(rows) = seal_next(context, &mut chain, Vec::new()).await? else { break };
        done.seals += 1;
        done.rows += rows;
        // At once: what is stored cannot be taken back.
        done.delivered += deliver(context, &chain.keys).await?;
    }
    done.delivered += deliver(context, &chain.keys).await?;
    done.aggregated = aggregated?;
    Ok(done)
}

/// Names months as dropped, in a seal of their own, and stores it. The caller holds the lock of [`crate::Task::Seal`].
pub(crate) async fn announce(context: &mut Context<'_>, drops: Vec<DroppedMonth>) -> Result<(), TaskError> {
    let mut chain = SealChain::open(context).await?;
    seal_next(context, &mut chain, drops).await?;
    deliver(context, &chain.keys).await.map(drop)
}

/// Adds the next seal. Returns the number of its rows; none if there is nothing to seal.
async fn seal_next(
    context: &mut Context<'_>,
    chain: &mut SealChain,
    drops: Vec<DroppedMonth>,
) -> Result<Option<u64>, TaskError> {
    let (span, closes) = chain.next_span(context).await?;
    let limit = match chain.restore {
        // One seal records the restore and ends the epoch, however many rows that takes.
        Some(_) if closes => usize::MAX - 1,
        Some(_) => return Err(TaskError::NoNewEpoch),
        None => usize::from(context.plan.max_rows),
    };
    let mut rows = chain::rows(context, span, limit + 1).await?;
    let mut span = span;
    if rows.len() > limit {
        span = cut(&mut rows, span);
        if rows.is_empty() {
            rows = chain::rows(context, span, usize::MAX).await?;
        }
    } else if rows.is_empty() && drops.is_empty() && !closes {
        return Ok(None);
    }
    chain.append(context, span, &rows, drops).await?;
    Ok(Some(rows.len() as u64))
}

/// Leaves out the last transaction, which may be incomplete. If there is no other transaction, the span becomes that one.
fn cut(rows: &mut Vec<AuditRow>, span: TransactionRange) -> TransactionRange {
    let last = rows.last().map_or(span.to, |row| row.transaction_id);
    rows.retain(|row| row.transaction_id < last);
    TransactionRange { to: if rows.is_empty() { last.saturating_add(1) } else { last }, ..span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_shared::audit::RowReader;

    fn row(transaction: u64) -> AuditRow {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../docs/audit-vectors.json")).unwrap();
        let mut row = vectors["rows"][0]["row"].clone();
        row["transaction_id"] = transaction.to_string().into();
        RowReader::new(row.to_string().as_bytes()).unwrap().next().unwrap().unwrap()
    }

    #[test]
    fn a_seal_ends_between_two_transactions() {
        let span = TransactionRange { epoch: 1, from: 5, to: 100 };
        for (transactions, kept, to) in [(vec![5, 6, 7], 2, 7), (vec![5, 6, 6], 1, 6), (vec![6, 6, 6], 0, 7)] {
            let mut rows: Vec<_> = transactions.iter().map(|transaction| row(*transaction)).collect();
            assert_eq!((cut(&mut rows, span), rows.len()), (TransactionRange { to, ..span }, kept), "{transactions:?}");
        }
    }
}
