//! The chain of seals in the database: its newest seal, the next span to seal, and how a seal is added.

use holdfast_shared::audit::{
    Announcements, AuditKeys, AuditRow, Batch, BatchEntry, ChainPosition, ChainState, DroppedMonth, Hash,
    RecordedRestore, Seal, StateTree, TransactionRange, seal,
};
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::es256::PublicKey;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::memory;
use crate::context::Context;
use crate::error::TaskError;

const KEYS: &str = "SELECT x, y FROM audit_keys";
const NEWEST: &str = "SELECT document FROM audit_seals ORDER BY number DESC LIMIT 1";
const STATES: &str = "SELECT tenant_id, total, head FROM audit_states()";
const HORIZON: &str = "SELECT epoch, transaction_id::text FROM audit_horizon()";
const ROWS: &str = concat!(
    "SELECT ",
    holdfast_shared::audit_columns!(),
    "
      FROM http_audit_log
     WHERE epoch = $1 AND transaction_id >= $2::text::xid8 AND transaction_id < $3::text::xid8
     ORDER BY epoch, http_audit_log.transaction_id, id LIMIT $4"
);
const ADD_KEY: &str =
    "INSERT INTO audit_keys (kid, x, y, provider_key, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const ADD_SEAL: &str =
    "INSERT INTO audit_seals (number, epoch, from_transaction, to_transaction, rows, sealed_at, hash, kid, document)
    VALUES ($1, $2, $3::text::xid8, $4::text::xid8, $5, $6, $7, $8, $9)";
const ADD_BATCHES: &str =
    "INSERT INTO audit_batches (seal_number, tenant_id, count, total, root, head, entries, state_index, state_size, state_path)
    SELECT $1, * FROM unnest(
        $2::uuid[],
        $3::bigint[],
        $4::bigint[],
        $5::bytea[],
        $6::bytea[],
        $7::bytea[],
        $8::bigint[],
        $9::bigint[],
        $10::bytea[]
    )";
const ADD_DROP: &str =
    "INSERT INTO audit_drops (partition, from_at, before_at, rows, seal_number) VALUES ($1, $2, $3, $4, $5)";

/// A public key that verifies seals.
#[derive(FromRow)]
struct VerificationKey {
    x: String,
    y: String,
}

/// A tenant's state at the newest seal.
#[derive(FromRow)]
struct TenantState {
    tenant_id: TenantId,
    #[row(with = "i64::unsigned_abs")]
    total: u64,
    #[row(with = "Hash::from_slice")]
    head: Option<Hash>,
}

/// The first transaction that may not have ended.
#[derive(FromRow)]
struct Horizon {
    epoch: i32,
    #[row(column = "transaction_id", with = "number")]
    transaction: u64,
}

/// PostgreSQL writes an xid8 in decimal digits and nothing else.
fn number(xid: &str) -> u64 {
    xid.parse().unwrap_or(0)
}

/// The chain of seals, up to the newest one.
pub(super) struct SealChain {
    position: Option<ChainPosition>,
    states: StateTree,
    /// The pinned keys.
    pub(super) keys: AuditKeys,
    /// The restore that the next seal records.
    pub(super) restore: Option<RecordedRestore>,
}

impl SealChain {
    /// Reads the chain, and checks it against the stores and the newest seal's signature: nothing is sealed on top of a chain
    /// or of batches that were altered.
    pub(super) async fn open(context: &Context<'_>) -> Result<Self, TaskError> {
        let client = &context.client;
        let mut states = StateTree::default();
        for row in client.query(STATES, &[]).await? {
            let TenantState { tenant_id, total, head } = TenantState::from_row(&row)?;
            let head = head.ok_or(TaskError::BatchesChanged)?;
            states.0.insert(tenant_id, ChainState { total, head });
        }
        let stored = client.query(KEYS, &[]).await?;
        let stored = stored.iter().map(VerificationKey::from_row).collect::<Result<Vec<_>, _>>()?;
        let keys = context.plan.pins.trusted(stored.into_iter().map(|VerificationKey { x, y }| PublicKey { x, y }));
        let restore = memory::compare(context, &keys).await?;
        let Some(newest) = client.query_opt(NEWEST, &[]).await? else {
            return if states.0.is_empty() {
                Ok(Self { position: None, states, keys, restore })
            } else {
                Err(TaskError::BatchesChanged)
            };
        };
        let (newest, hash) = keys.open(newest.try_get("document")?)?;
        if holdfast_shared::audit::root(&states.leaves()) != newest.state_root {
            return Err(TaskError::BatchesChanged);
        }
        Ok(Self { position: Some(ChainPosition::after(&newest, hash)), states, keys, restore })
    }

    /// The transactions that the next seal covers, and whether it is an epoch's last.
    pub(super) async fn next_span(&self, context: &Context<'_>) -> Result<(TransactionRange, bool), TaskError> {
        let horizon = Horizon::from_row(&context.client.query_one(HORIZON, &[]).await?)?;
        let (epoch, from) = match &self.position {
            Some(last) if last.to_transaction == u64::MAX => (last.epoch + 1, 0),
            Some(last) => (last.epoch, last.to_transaction),
            None => (1, 0),
        };
        // An epoch that has ended gets no more rows.
        let closes = epoch < horizon.epoch;
        let to = if closes { u64::MAX } else { horizon.transaction };
        if horizon.epoch < epoch || to < from {
            return Err(TaskError::WentBack {
                now: format!("{}/{}", horizon.epoch, horizon.transaction),
                sealed: format!("{epoch}/{from}"),
            });
        }
        Ok((TransactionRange { epoch, from, to }, closes))
    }

    /// Seals rows and adds the seal.
    pub(super) async fn append(
        &mut self,
        context: &mut Context<'_>,
        span: TransactionRange,
        rows: &[AuditRow],
        drops: Vec<DroppedMonth>,
    ) -> Result<(), TaskError> {
        let announcements = Announcements { drops, restore: self.restore.take() };
        let now = context.now();
        let (next, batches) = seal(self.position.as_ref(), &mut self.states, span, rows, announcements, now);
        let document = context.plan.signer.sign(&next).await?;
        add(context, &next, &batches, &document).await?;
        self.position = Some(ChainPosition::after(&next, next.hash()));
        Ok(())
    }
}

/// The rows of a span, in order, at most `limit`.
pub(super) async fn rows(
    context: &Context<'_>,
    span: TransactionRange,
    limit: usize,
) -> Result<Vec<AuditRow>, TaskError> {
    let (from, to, limit) = (span.from.to_string(), span.to.to_string(), i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = context.client.query(ROWS, &[&span.epoch, &from, &to, &limit]).await?;
    Ok(rows.iter().map(AuditRow::from_row).collect::<Result<_, _>>()?)
}

async fn add(context: &mut Context<'_>, seal: &Seal, batches: &[Batch], document: &str) -> Result<(), TaskError> {
    let signer = &context.plan.signer;
    let (kid, public) = (signer.public.thumbprint(), &signer.public);
    let (number, from, to) = (signed(seal.number), seal.from_transaction.to_string(), seal.to_transaction.to_string());
    let transaction = context.client.transaction().await?;
    let key: [&(dyn ToSql + Sync); 5] = [&kid, &public.x, &public.y, &signer.provider_key, &seal.sealed_at];
    transaction.execute(ADD_KEY, &key).await?;
    let hash = seal.hash();
    let columns: [&(dyn ToSql + Sync); 9] =
        [&number, &seal.epoch, &from, &to, &signed(seal.rows), &seal.sealed_at, &hash.0.as_slice(), &kid, &document];
    transaction.execute(ADD_SEAL, &columns).await?;

    let column = |value: fn(&Batch) -> u64| batches.iter().map(|batch| signed(value(batch))).collect::<Vec<i64>>();
    let digests = |value: fn(&Batch) -> Vec<u8>| batches.iter().map(value).collect::<Vec<Vec<u8>>>();
    let tenants: Vec<Uuid> = batches.iter().map(|batch| batch.tenant_id.0).collect();
    let columns: [&(dyn ToSql + Sync); 10] = [
        &number,
        &tenants,
        &column(|batch| batch.count),
        &column(|batch| batch.total),
        &digests(|batch| batch.root.0.to_vec()),
        &digests(|batch| batch.head.0.to_vec()),
        &digests(|batch| BatchEntry::pack(&batch.entries)),
        &column(|batch| batch.place.index),
        &column(|batch| batch.place.size),
        &digests(|batch| batch.place.pack()),
    ];
    transaction.execute(ADD_BATCHES, &columns).await?;
    for dropped in &seal.drops {
        let DroppedMonth { partition, from, before, rows } = dropped;
        transaction.execute(ADD_DROP, &[partition, from, before, &signed(*rows), &number]).await?;
    }
    Ok(transaction.commit().await?)
}

/// PostgreSQL's integers are signed; these numbers never reach the sign bit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
