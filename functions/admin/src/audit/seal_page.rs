//! A range of seals with the tenant's batches, and all that is needed to verify them, read in one round trip.

use holdfast_shared::audit::{
    AuditKeys, ChainState, Hash, MerkleLevels, MerklePosition, PinnedKeys, ProvenState, SealDocument,
};
use holdfast_shared::db::{FromRow, Row, Sql, Statement, rows_of};
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::problem::Problem;

// Unprepared, all of them: verification is rare, and reads ranges of any size.

const KEYS: Sql = Sql::unprepared("SELECT x, y FROM audit_keys");
const SEALS: Sql = Sql::unprepared(
    "SELECT s.document, s.number, s.epoch AS seal_epoch, s.from_transaction::text, s.to_transaction::text,
        b.tenant_id, b.count, b.total, b.root, b.head, b.entries, b.state_index, b.state_size, b.state_path
      FROM audit_page($1) p JOIN audit_seals s ON s.number BETWEEN p.first AND p.last
      LEFT JOIN audit_batches b ON b.seal_number = s.number AND b.tenant_id = current_tenant()
     ORDER BY s.number",
);
const NEWEST: Sql = Sql::unprepared(
    "SELECT n.leaves, n.ordinal, (SELECT max(number) FROM audit_seals) AS newest, b.total, b.head
      FROM audit_state_leaves() n LEFT JOIN LATERAL (
        SELECT total, head FROM audit_batches WHERE tenant_id = current_tenant() ORDER BY seal_number DESC LIMIT 1) b ON true",
);

/// The statements that read the seals after this one, for one transaction. [`SealPage::read`] takes their rows.
pub(super) fn statements(after: &i64) -> Vec<Statement<'_>> {
    vec![Statement::from(KEYS), SEALS.bind(after), Statement::from(NEWEST)]
}

/// A stored seal.
#[derive(FromRow)]
pub(super) struct StoredSeal {
    /// The seal, and the tenant's batch if it has one.
    #[row(with = "document")]
    pub(super) document: SealDocument,
    /// Columns that repeat what the document signs; verification compares them.
    pub(super) number: i64,
    #[row(column = "seal_epoch")]
    pub(super) epoch: i32,
    pub(super) from_transaction: String,
    pub(super) to_transaction: String,
    /// The tenant, if it has a batch in this seal.
    #[row(column = "tenant_id")]
    batch_of: Option<TenantId>,
}

/// A document without batches yet.
fn document(seal: String) -> SealDocument {
    SealDocument { seal, batches: Vec::new(), state: None }
}

/// A public key that verifies seals.
#[derive(FromRow)]
struct VerificationKey {
    x: String,
    y: String,
}

/// The state tree of the newest seal, and the tenant's state in it.
#[derive(FromRow)]
pub(super) struct NewestSeal {
    #[row(with = "hashes")]
    leaves: Vec<Hash>,
    #[row(with = "index")]
    ordinal: usize,
    #[row(column = "newest")]
    pub(super) number: Option<i64>,
    total: Option<i64>,
    #[row(with = "hash")]
    head: Option<Hash>,
}

fn hashes(leaves: &[u8]) -> Vec<Hash> {
    leaves.chunks(32).filter_map(Hash::from_slice).collect()
}

fn index(ordinal: i64) -> usize {
    usize::try_from(ordinal).unwrap_or(usize::MAX)
}

fn hash(bytes: Option<&[u8]>) -> Option<Hash> {
    bytes.and_then(Hash::from_slice)
}

/// A range of seals, in order.
pub(super) struct SealPage {
    pub(super) keys: AuditKeys,
    pub(super) seals: Vec<StoredSeal>,
    pub(super) newest: Option<NewestSeal>,
}

impl SealPage {
    /// Reads the rows of [`statements`].
    pub(super) fn read(rows: &[Vec<Row>], pins: &PinnedKeys) -> Result<Self, Problem> {
        let rows = |at: usize| rows.get(at).map_or(&[][..], Vec::as_slice);
        let keys: Vec<VerificationKey> = rows_of(rows(0))?;
        let mut seals: Vec<StoredSeal> = rows_of(rows(1))?;
        for (seal, row) in seals.iter_mut().zip(rows(1)) {
            if seal.batch_of.is_some() {
                seal.document.batches = rows_of(std::slice::from_ref(row))?;
            }
        }
        Ok(Self {
            keys: pins.trusted(keys.into_iter().map(|VerificationKey { x, y }| PublicKey { x, y })),
            seals,
            newest: rows_of(rows(2))?.pop(),
        })
    }

    /// The number of the last seal, if others follow it.
    pub(super) fn more_after(&self) -> Option<i64> {
        let (last, newest) = (self.seals.last()?.number, self.newest.as_ref()?.number?);
        (last < newest).then_some(last)
    }

    /// Adds the tenant's state, with its inclusion proof, to the newest seal if the tenant has no batch in it.
    pub(super) fn add_tenant_state(&mut self, tenant_id: TenantId) {
        if self.more_after().is_some() {
            return;
        }
        let (Some(seal), Some(newest)) = (self.seals.last_mut(), &self.newest) else { return };
        if let Some(ChainState { total, head }) = newest.tenant_state()
            && seal.document.batches.is_empty()
        {
            let place = MerklePosition::of(&newest.tree(), newest.ordinal);
            seal.document.state = Some(ProvenState { tenant_id, total, head, place });
        }
    }
}

impl NewestSeal {
    /// The state tree, computed from the stored batches.
    pub(super) fn tree(&self) -> MerkleLevels {
        MerkleLevels::above(self.leaves.clone())
    }

    /// The tenant's state; none if it never had a batch.
    fn tenant_state(&self) -> Option<ChainState> {
        self.total.zip(self.head).map(|(total, head)| ChainState { total: total.unsigned_abs(), head })
    }
}
