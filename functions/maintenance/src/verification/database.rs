//! The database's side of a verification: its keys, seals, batches and rows, each compared with what is stored.

use std::collections::{BTreeMap, HashMap};

use holdfast_shared::audit::{
    AuditFaultKind, AuditKeys, AuditRow, Batch, DroppedMonth, Hash, PinnedKeys, SealDocument,
    compare as compare_entries,
};
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::es256::PublicKey;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::finding::{Finding, FindingKind};
use super::history::{History, StoredSeal};
use crate::error::TaskError;
use crate::store::SealStore;

/// Time from a row to its seal beyond which the seal is reported: normally it is a minute.
const MAX_DELAY: SignedDuration = SignedDuration::from_hours(24);
/// Time by which the clocks of the database and the function may differ.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

const KEYS: &str = "SELECT kid, x, y FROM audit_keys ORDER BY kid";
const SEALS: &str = "SELECT s.number, s.epoch, s.from_transaction::text, s.to_transaction::text, s.rows, s.sealed_at, s.hash, s.document,
        d.seal_number IS NOT NULL AS delivered
      FROM audit_seals s LEFT JOIN audit_deliveries d ON d.seal_number = s.number WHERE s.number >= $1 ORDER BY s.number";
const DROPS: &str = "SELECT partition, from_at, before_at, rows, seal_number FROM audit_drops WHERE seal_number >= $1 ORDER BY partition";
const BATCHES: &str = "SELECT tenant_id, count, total, root, head, entries, state_index, state_size, state_path
      FROM audit_batches WHERE seal_number = $1 ORDER BY tenant_id";
const ROWS: &str = concat!(
    "SELECT ",
    holdfast_shared::audit_columns!("l."),
    "
      FROM http_audit_log l
     WHERE l.epoch = $1 AND l.transaction_id >= $2::text::xid8 AND l.transaction_id < $3::text::xid8
     ORDER BY l.epoch, l.transaction_id, l.id"
);
/// Rows that no seal has covered or will: before the first transaction, or behind the present one.
const OUTSIDE: &str = "SELECT l.id::text AS id FROM http_audit_log l
     WHERE (l.epoch, l.transaction_id) < (1, '0'::xid8)
        OR (l.epoch, l.transaction_id) > ((SELECT pg_get_expr(d.adbin, d.adrelid)::integer FROM pg_attrdef d
               JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
              WHERE d.adrelid = 'public.http_audit_log'::regclass AND a.attname = 'epoch'), pg_snapshot_xmax(pg_current_snapshot()))
     LIMIT 10";

#[derive(FromRow)]
struct KeyRow {
    kid: String,
    x: String,
    y: String,
}

/// A seal as the database has it. The document is authoritative; the columns repeat it.
#[derive(FromRow)]
struct SealRow {
    number: i64,
    epoch: i32,
    from_transaction: String,
    to_transaction: String,
    rows: i64,
    sealed_at: Timestamp,
    #[row(with = "Hash::from_slice")]
    hash: Option<Hash>,
    document: String,
    delivered: bool,
}

#[derive(FromRow)]
struct DropRow {
    partition: String,
    #[row(column = "from_at")]
    from: Timestamp,
    #[row(column = "before_at")]
    before: Timestamp,
    #[row(with = "i64::unsigned_abs")]
    rows: u64,
    seal_number: i64,
}

/// The newest seals of the database.
pub(super) struct DatabaseSeals {
    /// The pinned keys that it has.
    keys: AuditKeys,
    seals: Vec<SealRow>,
    drops: Vec<DropRow>,
}

/// Reads the keys. One that is not pinned counts for nothing, and is reported.
pub(super) async fn keys(
    client: &Client,
    pins: &PinnedKeys,
    findings: &mut Vec<Finding>,
) -> Result<AuditKeys, TaskError> {
    let mut keys = Vec::new();
    for row in client.query(KEYS, &[]).await? {
        let KeyRow { kid, x, y } = KeyRow::from_row(&row)?;
        let key = PublicKey { x, y };
        if !pins.contains(&key) || key.thumbprint() != kid {
            let detail = "the database has it as an audit key, and the configuration does not pin it";
            findings.push(Finding::new(FindingKind::UnpinnedKey, kid, detail));
        }
        keys.push(key);
    }
    Ok(pins.trusted(keys))
}

impl DatabaseSeals {
    /// Reads the seals from this number on.
    pub(super) async fn read(client: &Client, keys: AuditKeys, first: u64) -> Result<Self, TaskError> {
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        let seals = client.query(SEALS, &[&first]).await?.iter().map(SealRow::from_row).collect::<Result<_, _>>()?;
        let drops = client.query(DROPS, &[&first]).await?.iter().map(DropRow::from_row).collect::<Result<_, _>>()?;
        Ok(Self { keys, seals, drops })
    }

    /// Compares the seals and the dropped months with the stored ones.
    pub(super) fn compare(&self, history: &History, findings: &mut Vec<Finding>) {
        let own: BTreeMap<u64, &SealRow> = self.seals.iter().map(|row| (row.number.unsigned_abs(), row)).collect();
        for stored in &history.seals {
            let number = stored.seal.number;
            match own.get(&number) {
                None => {
                    let detail = "it is stored, and the database lacks it";
                    findings.push(Finding::new(FindingKind::DatabaseBehind, format_args!("seal {number}"), detail));
                }
                Some(row) if !row.is(stored, &self.keys) => {
                    let detail = "the database has another document or other columns than the stored seal";
                    findings.push(Finding::new(FindingKind::DatabaseDiffers, format_args!("seal {number}"), detail));
                }
                Some(_) => {}
            }
        }
        let newest = history.seals.last().map_or(0, |stored| stored.seal.number);
        for row in self.seals.iter().filter(|row| row.number.unsigned_abs() > newest) {
            let place = format!("seal {}", row.number);
            if row.delivered && !history.has_object(row.number) {
                let detail = "the database names it as stored, and it is not";
                findings.push(Finding::new(FindingKind::NotInStore, place, detail));
            } else if !row.delivered && self.keys.open(&row.document).is_err() {
                findings.push(Finding::new(FindingKind::DatabaseDiffers, place, "it is not genuine"));
            }
        }
        let named: HashMap<String, (u64, DroppedMonth)> = history
            .seals
            .iter()
            .flat_map(|stored| {
                stored.seal.drops.iter().map(|drop| (drop.partition.clone(), (stored.seal.number, drop.clone())))
            })
            .collect();
        for DropRow { partition, from, before, rows, seal_number } in &self.drops {
            let month = DroppedMonth { partition: partition.clone(), from: *from, before: *before, rows: *rows };
            let undelivered = seal_number.unsigned_abs() > newest;
            if !undelivered && named.get(partition) != Some(&(seal_number.unsigned_abs(), month)) {
                let detail = "the database names it as dropped, and the stored seal does not, or names other bounds";
                findings.push(Finding::new(FindingKind::Drops, partition, detail));
            }
        }
    }
}

impl SealRow {
    fn is(&self, stored: &StoredSeal, keys: &AuditKeys) -> bool {
        let StoredSeal { seal, hash, .. } = stored;
        keys.open(&self.document).is_ok_and(|(_, digest)| digest == *hash)
            && self.hash == Some(*hash)
            && self.epoch == seal.epoch
            && self.from_transaction == seal.from_transaction.to_string()
            && self.to_transaction == seal.to_transaction.to_string()
            && self.rows.unsigned_abs() == seal.rows
            && self.sealed_at == seal.sealed_at
    }
}

/// Compares the batches and rows of the database with a stored seal. Returns the number of rows.
pub(super) async fn compare_rows(
    client: &Client,
    store: &SealStore,
    history: &History,
    stored: &StoredSeal,
    findings: &mut Vec<Finding>,
) -> Result<u64, TaskError> {
    let (seal, drops) = (&stored.seal, history.drops());
    let text = store.read(&stored.name).await?.unwrap_or_default();
    let Ok(document) = serde_json::from_str::<SealDocument>(&text) else { return Ok(0) };
    let number = i64::try_from(seal.number).unwrap_or(i64::MAX);
    let batches = client.query(BATCHES, &[&number]).await?;
    let batches: Vec<Batch> = batches.iter().map(Batch::from_row).collect::<Result<_, _>>()?;
    if batches != document.batches {
        let detail = "the batches in the database are not the stored ones";
        findings.push(Finding::new(FindingKind::Batches, format_args!("seal {number}"), detail));
    }
    let span: [&(dyn ToSql + Sync); 3] =
        [&seal.epoch, &seal.from_transaction.to_string(), &seal.to_transaction.to_string()];
    let mut rows: BTreeMap<TenantId, Vec<AuditRow>> = BTreeMap::new();
    let (mut count, mut times) = (0, None);
    for row in client.query(ROWS, &span).await? {
        let row = AuditRow::from_row(&row)?;
        let (oldest, newest) = times.unwrap_or((row.at, row.at));
        times = Some((row.at.min(oldest), row.at.max(newest)));
        count += 1;
        rows.entry(row.tenant_id).or_default().push(row);
    }
    for batch in &document.batches {
        let found = rows.remove(&batch.tenant_id).unwrap_or_default();
        findings.extend(compare_entries(seal.number, &batch.entries, &found, &drops).err().map(Finding::from));
    }
    for found in rows.values() {
        findings.extend(compare_entries(seal.number, &[], found, &drops).err().map(Finding::from));
    }
    if let Some((oldest, newest)) = times
        && (seal.sealed_at > oldest + MAX_DELAY || newest > seal.sealed_at + CLOCKS)
    {
        let detail = format!("it was sealed at {}, and its rows are of {oldest} to {newest}", seal.sealed_at);
        findings.push(Finding::new(FindingKind::Clock, format_args!("seal {number}"), detail));
    }
    Ok(count)
}

/// Looks for rows where no seal is, and none will come.
pub(super) async fn compare_rest(client: &Client, findings: &mut Vec<Finding>) -> Result<(), TaskError> {
    for row in client.query(OUTSIDE, &[]).await? {
        let id: String = row.try_get("id")?;
        let detail = "its transaction or epoch is none that any seal covers";
        findings.push(Finding::new(FindingKind::Added, format_args!("row {id}"), detail));
    }
    Ok(())
}

impl From<holdfast_shared::audit::AuditFault> for Finding {
    fn from(fault: holdfast_shared::audit::AuditFault) -> Self {
        let kind = match fault.fault {
            AuditFaultKind::Altered => FindingKind::Altered,
            AuditFaultKind::Removed => FindingKind::Removed,
            AuditFaultKind::Added => FindingKind::Added,
            AuditFaultKind::OutOfOrder => FindingKind::OutOfOrder,
            AuditFaultKind::Seal | AuditFaultKind::Batch | AuditFaultKind::State => FindingKind::BrokenChain,
        };
        let place =
            fault.row.map_or_else(|| format!("seal {}", fault.seal), |row| format!("row {row} (seal {})", fault.seal));
        Self::new(kind, place, fault.detail)
    }
}
