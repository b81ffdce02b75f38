//! Stores seals outside the database, in order. The next run stores what one run could not.

use holdfast_shared::audit::{AuditKeys, Batch, SealDocument};
use holdfast_shared::db::FromRow;

use crate::context::Context;
use crate::error::TaskError;

const NEXT: &str = "SELECT number, document FROM audit_seals s
     WHERE NOT EXISTS (SELECT FROM audit_deliveries d WHERE d.seal_number = s.number) ORDER BY number LIMIT 1";
const BATCHES: &str = "SELECT tenant_id, count, total, root, head, entries, state_index, state_size, state_path
      FROM audit_batches WHERE seal_number = $1 ORDER BY tenant_id";
const RECORD: &str = "INSERT INTO audit_deliveries (seal_number, location, delivered_at) VALUES ($1, $2, $3)";

#[derive(FromRow)]
struct UndeliveredSeal {
    number: i64,
    #[row(column = "document")]
    seal: String,
}

/// Stores the seals that are not stored yet, until the time is up. Returns how many it stored.
pub(super) async fn deliver(context: &Context<'_>, keys: &AuditKeys) -> Result<u64, TaskError> {
    let mut delivered = 0;
    while context.has_time()
        && let Some(row) = context.client.query_opt(NEXT, &[]).await?
    {
        let UndeliveredSeal { number, seal } = UndeliveredSeal::from_row(&row)?;
        let batches = context.client.query(BATCHES, &[&number]).await?;
        let batches = batches.iter().map(Batch::from_row).collect::<Result<_, _>>()?;
        // The name follows from what is signed, not from the columns.
        let name = keys.clone().and(context.plan.signer.public.clone()).open(&seal)?.0.object_name();
        let document = SealDocument { seal, batches, state: None };
        let text = format!("{}\n", serde_json::to_string(&document).unwrap_or_default());
        if let Some(witness) = &context.plan.witness {
            witness.add(&name, &text, context.now()).await?;
        }
        let location = context.plan.store.add(&name, &text, context.now()).await?;
        context.client.execute(RECORD, &[&number, &location, &context.now()]).await?;
        delivered += 1;
    }
    Ok(delivered)
}
