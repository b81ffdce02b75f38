//! The restore: into an empty database only, whose schema the migrations of this build create. Nothing of a backup is
//! executed: after its signature and its digest are verified, its rows are copied into the tables that this build knows, and
//! compared with the manifest before they are committed.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use holdfast_shared::audit::PinnedKeys;
use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use tokio_postgres::{Client, Transaction};

use crate::archive::{self, ArchiveReader};
use crate::digest::Digester;
use crate::error::BackupError;
use crate::facts;
use crate::login::Login;
use crate::manifest::{Manifest, StoredTable};
use crate::progress::{Progress, Watch};
use crate::snapshot;
use crate::store::{BackupStore, Reader};
use crate::tables::{self, AUDIT_LOG, Table};

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%')
       AND NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%')
       AND NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%') AS is_empty";

const IS_SUPERUSER: &str = "SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = session_user";

/// Row-level security binds the owner, too, and COPY writes no table that it binds. The owner lifts it in the transaction
/// that loads the rows, and nobody else sees the tables without it.
const FORCED: &str =
    "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relforcerowsecurity";

/// A restored cluster starts its transaction numbers over, and the audit log's seals are ordered by them.
const BEGIN_EPOCH: &str = "SELECT begin_audit_epoch()";

/// A backup to restore, and the keys of which one must have signed it.
#[derive(Debug, Clone)]
pub struct Source {
    store: BackupStore,
    archive: String,
    pins: PinnedKeys,
}

/// Result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Manifest of the backup.
    pub manifest: Manifest,
    /// Version of the server that it was restored to.
    pub server_version: String,
}

impl Source {
    /// A backup in a store, by the key of its archive.
    pub fn new(store: BackupStore, archive: &str, pins: PinnedKeys) -> Self {
        Self { store, archive: archive.to_owned(), pins }
    }

    /// The newest backup of a store.
    pub async fn newest(store: &BackupStore, pins: PinnedKeys) -> Result<Self, BackupError> {
        let newest = store.newest().await?;
        let archive = newest.ok_or_else(|| BackupError::NoBackup(store.name()))?;
        Ok(Self { store: store.clone(), archive, pins })
    }

    /// Key of the archive.
    pub(crate) fn archive(&self) -> &str {
        &self.archive
    }

    /// Reads and verifies the manifest.
    pub(crate) async fn manifest(&self) -> Result<Manifest, BackupError> {
        Manifest::of(&self.store, &self.archive, &self.pins).await
    }

    /// Reads the whole archive and compares its digest. Returns a reader at its beginning.
    async fn verified(&self, manifest: &Manifest, watch: &Watch<'_>) -> Result<Reader, BackupError> {
        let mut reader = self.store.read(&self.archive).await?;
        let mut digest = Digester::default();
        while let Some(chunk) = reader.next().await? {
            digest.update(&chunk);
            watch(Progress { doing: "verifying", bytes: digest.bytes(), of: Some(manifest.bytes) });
        }
        manifest.check_digest(&digest)?;
        reader.again().await
    }
}

/// Restores a backup into the database that a URL names, which must be empty, and begins a new epoch of the audit log there.
/// The login owns the schema afterwards.
///
/// # Errors
/// One line that names the fix. After a failure the database has no row of the backup; drop it.
pub async fn restore(
    source: &Source,
    into: &Login,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Restored, BackupError> {
    let (client, restored) = fill(source, into, clock, rng, watch).await?;
    client.batch_execute(BEGIN_EPOCH).await?;
    client.batch_execute("ANALYZE").await?;
    Ok(restored)
}

/// Restores and compares. Returns the connection of the schema's owner.
pub(crate) async fn fill(
    source: &Source,
    into: &Login,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<(Client, Restored), BackupError> {
    let manifest = source.manifest().await?;
    let mut client = into.connect().await?;
    if client.query_one(IS_SUPERUSER, &[]).await?.try_get("is_superuser")? {
        return Err(BackupError::Superuser);
    }
    if !client.query_one(IS_EMPTY, &[]).await?.try_get::<_, bool>("is_empty")? {
        return Err(BackupError::NotEmpty(into.database().to_owned()));
    }
    let reader = source.verified(&manifest, watch).await?;
    holdfast_migrate::run(&into.migrations(), clock, rng).await?;
    tables::check(&client, &tables::of_this_build()).await?;

    let transaction = client.transaction().await?;
    load(&transaction, reader, &manifest, watch).await?;
    transaction.commit().await?;
    let server_version = facts::server_version(&client).await?;
    Ok((client, Restored { manifest, server_version }))
}

/// Loads the rows, and compares what can be read then with the manifest.
async fn load(
    transaction: &Transaction<'_>,
    reader: Reader,
    manifest: &Manifest,
    watch: &Watch<'_>,
) -> Result<(), BackupError> {
    transaction.batch_execute(snapshot::SETTINGS).await?;
    for month in &manifest.audit_months {
        transaction.batch_execute(&create_partition(*month)?).await?;
    }
    let forced = transaction.query(FORCED, &[]).await?;
    let forced = forced.iter().map(|row| row.try_get("name")).collect::<Result<Vec<String>, _>>()?;
    let forced = manifest.tables.iter().map(|stored| &stored.table).filter(|table| forced.contains(&table.name));
    let security = |verb: &str| {
        let alter = |table: &Table| format!("ALTER TABLE {} {verb} ROW LEVEL SECURITY;", table.qualified());
        forced.clone().map(alter).collect::<String>()
    };
    transaction.batch_execute(&security("NO FORCE")).await?;
    // The migrations have filled some tables.
    let names: Vec<_> = manifest.tables.iter().map(|stored| stored.table.qualified()).collect();
    transaction.batch_execute(&format!("TRUNCATE {}", names.join(", "))).await?;

    let mut archive = ArchiveReader::new(reader, manifest);
    for table in &manifest.tables {
        load_table(transaction, &mut archive, table, manifest, watch).await?;
    }
    archive.end().await?;
    watch(Progress { doing: "restoring", bytes: manifest.bytes, of: Some(manifest.bytes) });

    transaction.batch_execute(&security("FORCE")).await?;
    let epoch = format!("ALTER TABLE public.{AUDIT_LOG} ALTER COLUMN epoch SET DEFAULT {}", manifest.audit_epoch);
    transaction.batch_execute(&epoch).await?;
    facts::take_role(transaction.client()).await?;
    let (mut compared, of) = (0, manifest.tables.iter().map(|table| table.bytes).sum());
    for table in &manifest.tables {
        snapshot::compare(transaction.client(), table).await?;
        compared += table.bytes;
        watch(Progress { doing: "comparing", bytes: compared, of: Some(of) });
    }
    Ok(transaction.batch_execute("RESET ROLE").await?)
}

async fn load_table(
    transaction: &Transaction<'_>,
    archive: &mut ArchiveReader<'_>,
    stored: &StoredTable,
    manifest: &Manifest,
    watch: &Watch<'_>,
) -> Result<(), BackupError> {
    let name = &stored.table.name;
    let failed = |error: tokio_postgres::Error| BackupError::load(name, &error);
    let mut rows = pin!(transaction.copy_in::<_, Bytes>(&stored.table.copy_in()).await.map_err(failed)?);
    let mut digest = Digester::default();
    for number in 1..=archive::pieces(stored) {
        let piece = archive.piece(stored, number).await?;
        digest.update(&piece);
        rows.send(piece.into()).await.map_err(failed)?;
        watch(Progress { doing: "restoring", bytes: archive.bytes(), of: Some(manifest.bytes) });
    }
    let count = rows.finish().await.map_err(failed)?;
    if digest.hex() != stored.sha256 || i64::try_from(count) != Ok(stored.rows) {
        return Err(BackupError::archive(name, "its rows are not those that were copied"));
    }
    Ok(())
}

/// Creates the partition of a month, unless the migrations have.
fn create_partition(month: Date) -> Result<String, BackupError> {
    let following: Span = 1.month();
    let next = month.checked_add(following).map_err(|error| BackupError::archive(AUDIT_LOG, &error))?;
    Ok(format!(
        "CREATE TABLE IF NOT EXISTS public.{AUDIT_LOG}_{} PARTITION OF public.{AUDIT_LOG} \
         FOR VALUES FROM ('{month}T00:00:00Z') TO ('{next}T00:00:00Z')",
        month.strftime("%Y_%m")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_span_one_month() {
        let statement = create_partition(jiff::civil::date(2026, 12, 1)).unwrap();
        assert_eq!(
            statement,
            "CREATE TABLE IF NOT EXISTS public.http_audit_log_2026_12 PARTITION OF public.http_audit_log \
             FOR VALUES FROM ('2026-12-01T00:00:00Z') TO ('2027-01-01T00:00:00Z')"
        );
    }
}
