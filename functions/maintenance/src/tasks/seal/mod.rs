//! The task `seal`: signs what is new in the audit log, seal after seal, and stores each where the database's owner cannot
//! change it. Rows are sealed once every transaction up to theirs has ended, so that none that commits late is skipped.

mod chain;
mod delivery;

use holdfast_shared::audit::{AuditRow, Dropped, Span};
use serde::Serialize;

use crate::context::Context;
use crate::error::TaskError;
use chain::Ledger;

pub(crate) use delivery::deliver;

/// What the task did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// Seals made.
    pub seals: u64,
    /// Rows that they seal.
    pub rows: u64,
    /// Seals stored.
    pub delivered: u64,
}

/// Seals until nothing is left or the time is up, and stores what is not stored yet.
pub(crate) async fn run(context: &mut Context<'_>) -> Result<Sealed, TaskError> {
    let mut done = Sealed::default();
    let mut ledger = Ledger::open(context).await?;
    while context.has_time() {
        let Some(rows) = seal_next(context, &mut ledger, Vec::new()).await? else { break };
        done.seals += 1;
        done.rows += rows;
    }
    done.delivered = deliver(context).await?;
    Ok(done)
}

/// Names months as dropped, in a seal of their own; whoever calls holds the lock of [`crate::Task::Seal`].
pub(crate) async fn announce(context: &mut Context<'_>, drops: Vec<Dropped>) -> Result<(), TaskError> {
    let mut ledger = Ledger::open(context).await?;
    seal_next(context, &mut ledger, drops).await.map(drop)
}

/// Makes the next seal, and says how many rows it has; none where there is nothing to seal.
async fn seal_next(
    context: &mut Context<'_>,
    ledger: &mut Ledger,
    drops: Vec<Dropped>,
) -> Result<Option<u64>, TaskError> {
    let (span, closes) = ledger.next_span(context).await?;
    let most = usize::from(context.plan.max_rows);
    let mut rows = chain::rows(context, span, most + 1).await?;
    let mut span = span;
    if rows.len() > most {
        span = cut(&mut rows, span);
        if rows.is_empty() {
            rows = chain::rows(context, span, usize::MAX).await?;
        }
    } else if rows.is_empty() && drops.is_empty() && !closes {
        return Ok(None);
    }
    ledger.append(context, span, &rows, drops).await?;
    Ok(Some(rows.len() as u64))
}

/// Leaves out the last transaction, of which not all rows may be here. Where there is no other, the span is that one.
fn cut(rows: &mut Vec<AuditRow>, span: Span) -> Span {
    let last = rows.last().map_or(span.to, |row| row.transaction_id);
    rows.retain(|row| row.transaction_id < last);
    Span { to: if rows.is_empty() { last.saturating_add(1) } else { last }, ..span }
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
        let span = Span { epoch: 1, from: 5, to: 100 };
        for (transactions, kept, to) in [(vec![5, 6, 7], 2, 7), (vec![5, 6, 6], 1, 6), (vec![6, 6, 6], 0, 7)] {
            let mut rows: Vec<_> = transactions.iter().map(|transaction| row(*transaction)).collect();
            assert_eq!((cut(&mut rows, span), rows.len()), (Span { to, ..span }, kept), "{transactions:?}");
        }
    }
}
