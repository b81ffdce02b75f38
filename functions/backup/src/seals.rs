//! Verifies the audit log's seals in a restored database: each is genuine and in order, and every sealed row is unchanged.
//! Keys count where the configuration pins them, never because the database has them. `holdfast audit verify --store` proves
//! with the stored seals that the end of the chain was not cut off.

use std::collections::BTreeMap;

use holdfast_shared::audit::{AuditFault, AuditRow, Batch, PinnedKeys, SealDocument, Verifier, compare};
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::es256::PublicKey;
use tokio_postgres::Client;

use crate::error::BackupError;

const KEYS: &str = "SELECT x, y FROM public.audit_keys";
const SEALS: &str = "SELECT number, document FROM public.audit_seals ORDER BY number";
const BATCHES: &str = "SELECT * FROM public.audit_batches WHERE seal_number = $1 ORDER BY tenant_id";
const ROWS: &str = concat!(
    "SELECT ",
    holdfast_shared::audit_columns!("l."),
    "
      FROM public.http_audit_log l
     WHERE epoch = $1 AND l.transaction_id >= $2::text::xid8 AND l.transaction_id < $3::text::xid8
     ORDER BY epoch, l.transaction_id, id"
);

/// A public key that verifies seals.
#[derive(FromRow)]
struct VerificationKey {
    x: String,
    y: String,
}

/// Verifies all seals: first the chain, which also names the months that were dropped, then the rows.
pub(crate) async fn verify(client: &Client, pins: &PinnedKeys) -> Result<(), BackupError> {
    let keys = client.query(KEYS, &[]).await?;
    let keys = keys.iter().map(VerificationKey::from_row).collect::<Result<Vec<_>, _>>()?;
    let keys = pins.trusted(keys.into_iter().map(|VerificationKey { x, y }| PublicKey { x, y }));
    let mut verifier = Verifier::new(&keys);
    let mut seals = Vec::new();
    for row in client.query(SEALS, &[]).await? {
        let (number, seal): (i64, String) = (row.try_get("number")?, row.try_get("document")?);
        let document = SealDocument { seal, batches: batches(client, number).await?, state: None };
        seals.push((number, verifier.next(&document).map_err(broken)?));
    }
    for (number, seal) in seals {
        let span: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&seal.epoch, &seal.from_transaction.to_string(), &seal.to_transaction.to_string()];
        let mut rows: BTreeMap<TenantId, Vec<AuditRow>> = BTreeMap::new();
        for row in client.query(ROWS, &span).await? {
            let row = AuditRow::from_row(&row)?;
            rows.entry(row.tenant_id).or_default().push(row);
        }
        for batch in batches(client, number).await? {
            let found = rows.remove(&batch.tenant_id).unwrap_or_default();
            compare(seal.number, &batch.entries, &found, verifier.drops()).map_err(broken)?;
        }
        for found in rows.values() {
            compare(seal.number, &[], found, verifier.drops()).map_err(broken)?;
        }
    }
    Ok(())
}

async fn batches(client: &Client, seal: i64) -> Result<Vec<Batch>, BackupError> {
    let rows = client.query(BATCHES, &[&seal]).await?;
    Ok(rows.iter().map(Batch::from_row).collect::<Result<_, _>>()?)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes it by value")]
fn broken(fault: AuditFault) -> BackupError {
    BackupError::Seals(fault.to_string())
}
