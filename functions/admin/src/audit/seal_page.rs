//! Some seals with the tenant's batches, and what else a look at them needs: one flight.

use holdfast_shared::audit::{AuditKeys, Batch, Document, Hash, Levels, Place, Standing, State};
use holdfast_shared::db::{FromRow, Statement, rows_of};
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::problem::Problem;
use tokio_postgres::Row;

const KEYS: &str = "SELECT x, y FROM audit_keys WHERE request_allowed()";
const SEALS: &str =
    "SELECT s.document, s.number, s.epoch AS seal_epoch, s.from_transaction::text, s.to_transaction::text,
        b.tenant_id, b.count, b.total, b.root, b.head, b.entries, b.place_index, b.place_size, b.place_path
      FROM audit_page($1) p JOIN audit_seals s ON s.number BETWEEN p.first AND p.last
      LEFT JOIN audit_batches b ON b.seal_number = s.number AND b.tenant_id = current_tenant()
     WHERE request_allowed() ORDER BY s.number";
const NEWEST: &str = "SELECT n.leaves, n.ordinal, (SELECT max(number) FROM audit_seals) AS newest, b.total, b.head
      FROM audit_state_leaves() n LEFT JOIN LATERAL (
        SELECT total, head FROM audit_batches WHERE tenant_id = current_tenant() ORDER BY seal_number DESC LIMIT 1) b ON true
     WHERE request_allowed()";

/// The statements of a page behind this seal, for a transaction; what they return, [`SealPage::read`] takes.
pub(super) fn statements(after: &i64) -> Vec<Statement<'_>> {
    vec![Statement::new(KEYS), Statement::new(SEALS).bind(after), Statement::new(NEWEST)]
}

/// A seal as it is stored.
pub(super) struct StoredSeal {
    pub(super) document: Document,
    /// What the columns say, for who wants to hold them against the document.
    pub(super) number: i64,
    pub(super) epoch: i32,
    pub(super) from_transaction: String,
    pub(super) to_transaction: String,
}

impl FromRow for StoredSeal {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let has_batch = row.try_get::<_, Option<TenantId>>("tenant_id")?.is_some();
        let batches = if has_batch { vec![Batch::from_row(row)?] } else { Vec::new() };
        Ok(Self {
            document: Document { seal: row.try_get("document")?, batches, state: None },
            number: row.try_get("number")?,
            epoch: row.try_get("seal_epoch")?,
            from_transaction: row.try_get("from_transaction")?,
            to_transaction: row.try_get("to_transaction")?,
        })
    }
}

struct Key(PublicKey);

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(PublicKey { x: row.try_get(0)?, y: row.try_get(1)? }))
    }
}

/// The newest seal's state tree, and where the tenant stands in it.
pub(super) struct Newest {
    leaves: Vec<Hash>,
    ordinal: usize,
    pub(super) number: Option<i64>,
    state: Option<State>,
}

impl FromRow for Newest {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let leaves: &[u8] = row.try_get("leaves")?;
        let total: Option<i64> = row.try_get("total")?;
        let head: Option<&[u8]> = row.try_get("head")?;
        let state = total.zip(head.and_then(Hash::from_slice));
        Ok(Self {
            leaves: leaves.chunks(32).filter_map(Hash::from_slice).collect(),
            ordinal: usize::try_from(row.try_get::<_, i64>("ordinal")?).unwrap_or(usize::MAX),
            number: row.try_get("newest")?,
            state: state.map(|(total, head)| State { total: total.unsigned_abs(), head }),
        })
    }
}

/// Some seals, in order.
pub(super) struct SealPage {
    pub(super) keys: AuditKeys,
    pub(super) seals: Vec<StoredSeal>,
    pub(super) newest: Option<Newest>,
}

impl SealPage {
    /// Reads what the statements returned.
    pub(super) fn read(rows: &[Vec<Row>]) -> Result<Self, Problem> {
        let rows = |at: usize| rows.get(at).map_or(&[][..], Vec::as_slice);
        let keys: Vec<Key> = rows_of(rows(0))?;
        Ok(Self {
            keys: AuditKeys::new(keys.into_iter().map(|Key(key)| key)),
            seals: rows_of(rows(1))?,
            newest: rows_of(rows(2))?.pop(),
        })
    }

    /// The number of the last seal, where others follow it.
    pub(super) fn more_after(&self) -> Option<i64> {
        let (last, newest) = (self.seals.last()?.number, self.newest.as_ref()?.number?);
        (last < newest).then_some(last)
    }

    /// Adds to the newest seal where the tenant stands in it, as it has no batch there.
    pub(super) fn stand(&mut self, tenant_id: TenantId) {
        if self.more_after().is_some() {
            return;
        }
        let (Some(seal), Some(newest)) = (self.seals.last_mut(), &self.newest) else { return };
        if let Some(State { total, head }) = newest.state
            && seal.document.batches.is_empty()
        {
            let place = Place::of(&newest.tree(), newest.ordinal);
            seal.document.state = Some(Standing { tenant_id, total, head, place });
        }
    }
}

impl Newest {
    /// The state tree as the stored batches make it.
    pub(super) fn tree(&self) -> Levels {
        Levels::above(self.leaves.clone())
    }
}
