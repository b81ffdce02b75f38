//! The sealer's memory, which is outside the database: before anything is sealed, the newest seals in the database must be those
//! in the stores. Where they are not, the owner of the database rewrote the chain, or an old backup was restored: nothing is
//! sealed on top of either, unless the configuration names the seals that a restore gave up.

use holdfast_shared::audit::{AuditKeys, ChainPosition, RecordedRestore, Seal, SealDocument};
use holdfast_shared::db::FromRow;

use crate::context::Context;
use crate::error::TaskError;
use crate::store::SealStore;

/// The newest seal that was stored, as the database remembers, and all behind it. What the database says is only where to
/// begin: every object behind that point is compared.
const SEALS: &str = "SELECT s.number, s.document FROM audit_seals s
     WHERE s.number >= coalesce((SELECT max(d.seal_number) FROM audit_deliveries d), 0) ORDER BY s.number LIMIT $1";
const DELIVERED: &str = "SELECT max(seal_number) AS newest FROM audit_deliveries";
/// Limit of the seals that one comparison reads. An outage of the store that lasts longer needs a person.
const LIMIT: usize = 1000;

/// A seal in the database.
#[derive(FromRow)]
struct SealRow {
    number: i64,
    document: String,
}

/// A seal of the database that is genuine, with the name of its object.
struct GenuineSeal {
    name: String,
    document: String,
}

/// Compares the database with the stores. Returns the restore that the next seal has to record, where the configuration names
/// one.
///
/// # Errors
/// They differ, or a store cannot be read.
pub(super) async fn compare(context: &Context<'_>, keys: &AuditKeys) -> Result<Option<RecordedRestore>, TaskError> {
    let seals = genuine(context, keys).await?;
    let delivered: Option<i64> = context.client.query_one(DELIVERED, &[]).await?.try_get("newest")?;
    let mut restore = None;
    for store in context.plan.stores() {
        let is_witness = !std::ptr::eq(store, &raw const context.plan.store);
        let found = compare_with(context, keys, store, is_witness, &seals, delivered.is_some()).await?;
        restore = restore.or(found);
    }
    Ok(restore)
}

/// Reads the newest seals of the database, and checks that they are genuine and follow each other.
async fn genuine(context: &Context<'_>, keys: &AuditKeys) -> Result<Vec<GenuineSeal>, TaskError> {
    let limit = i64::try_from(LIMIT + 1).unwrap_or(i64::MAX);
    let rows = context.client.query(SEALS, &[&limit]).await?;
    if rows.len() > LIMIT {
        return Err(TaskError::NotDelivered(LIMIT));
    }
    let mut position: Option<ChainPosition> = None;
    let mut seals = Vec::with_capacity(rows.len());
    for row in &rows {
        let SealRow { number, document } = SealRow::from_row(row)?;
        let (seal, hash) = keys.open(&document)?;
        let follows = position.is_none_or(|before| seal.previous == Some(before.hash));
        if seal.number != number.unsigned_abs() || !follows {
            return Err(TaskError::ChainChanged(number));
        }
        position = Some(ChainPosition::after(&seal, hash));
        seals.push(GenuineSeal { name: seal.object_name(), document });
    }
    Ok(seals)
}

/// Compares the database's newest seals with one store.
async fn compare_with(
    context: &Context<'_>,
    keys: &AuditKeys,
    store: &SealStore,
    is_witness: bool,
    seals: &[GenuineSeal],
    has_delivered: bool,
) -> Result<Option<RecordedRestore>, TaskError> {
    // A witness that was added later begins with the seals of that time.
    if is_witness && store.names_after(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let (anchor, mut behind) = match seals.split_first() {
        Some((anchor, behind)) if has_delivered => (Some(anchor), behind),
        _ => (None, seals),
    };
    if has_delivered && anchor.is_none() {
        return Err(TaskError::ChainChanged(0));
    }
    if let Some(anchor) = anchor {
        check_same(store, anchor).await?;
    }
    for name in store.names_after(anchor.map(|anchor| anchor.name.as_str()), LIMIT).await? {
        match behind.split_first() {
            Some((next, others)) if next.name == name => {
                check_same(store, next).await?;
                behind = others;
            }
            _ => return lacking(context, keys, store, &name).await.map(Some),
        }
    }
    Ok(None)
}

/// Checks that the store has this seal, and no other in its place.
async fn check_same(store: &SealStore, seal: &GenuineSeal) -> Result<(), TaskError> {
    let Some(text) = store.read(&seal.name).await? else {
        return Err(TaskError::NotInStore { location: store.location(&seal.name) });
    };
    if serde_json::from_str::<SealDocument>(&text).is_ok_and(|stored| stored.seal == seal.document) {
        Ok(())
    } else {
        Err(TaskError::StoredOtherwise { location: store.location(&seal.name) })
    }
}

/// The store has seals that the database lacks: an alarm, unless the configuration names the newest of them as given up by a
/// restore.
async fn lacking(
    context: &Context<'_>,
    keys: &AuditKeys,
    store: &SealStore,
    first: &str,
) -> Result<RecordedRestore, TaskError> {
    let mut newest = first.to_owned();
    while let Some(name) = store.names_after(Some(&newest), LIMIT).await?.pop() {
        newest = name;
    }
    let location = store.location(first);
    let text = store.read(&newest).await?.unwrap_or_default();
    let document: SealDocument =
        serde_json::from_str(&text).map_err(|_| TaskError::StoredOtherwise { location: store.location(&newest) })?;
    let (seal, hash): (Seal, _) = keys.open(&document.seal)?;
    if context.plan.restored_over != Some(hash) {
        return Err(TaskError::DatabaseBehind { location, newest: seal.number, hash });
    }
    Ok(RecordedRestore { newest: seal.number, hash })
}
