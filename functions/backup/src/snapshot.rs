//! A snapshot: one transaction that reads every table as it was at one moment, in the text format of COPY. The format is the
//! same in all versions of PostgreSQL, and so are the settings on which it depends.

use std::pin::pin;

use futures_util::StreamExt;
use tokio_postgres::{Client, CopyOutStream};

use crate::archive::rows;
use crate::digest::Digester;
use crate::error::BackupError;
use crate::facts;
use crate::manifest::StoredTable;
use crate::tables::{self, Table};

/// The locks come before the snapshot: no partition is dropped between them and its reading.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// For a transaction: how values are written, and that rows come in the order in which they are stored.
pub(crate) const SETTINGS: &str =
    "SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres; SET LOCAL TimeZone = UTC;
    SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1; SET LOCAL synchronize_seqscans = off;
    SET LOCAL max_parallel_workers_per_gather = 0";

/// Begins the transaction of a backup, as the backup role, and checks that it reads every row of the schema.
pub(crate) async fn begin(client: &Client, tables: &[Table]) -> Result<(), BackupError> {
    facts::take_role(client).await?;
    tables::check(client, tables).await?;
    facts::check_visibility(client, tables).await?;
    client.batch_execute(BEGIN).await?;
    client.batch_execute(SETTINGS).await?;
    let names: Vec<_> = tables.iter().map(Table::qualified).collect();
    client.batch_execute(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))).await?;
    // Again, in the snapshot.
    tables::check(client, tables).await?;
    facts::check_visibility(client, tables).await
}

/// Reads all rows of a table, in chunks of any length. The stream must be pinned.
pub(crate) async fn rows_of(client: &Client, table: &Table) -> Result<CopyOutStream, BackupError> {
    Ok(client.copy_out(&table.copy_out()).await?)
}

/// Reads all rows of a table, and compares them with those of an archive.
///
/// # Errors
/// [`BackupError::Differs`], with the table.
pub(crate) async fn compare(client: &Client, expected: &StoredTable) -> Result<(), BackupError> {
    let (mut digest, mut count) = (Digester::default(), 0);
    let mut chunks = pin!(rows_of(client, &expected.table).await?);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        digest.update(&chunk);
        count += rows(&chunk);
    }
    let name = &expected.table.name;
    if count != expected.rows {
        return Err(BackupError::Differs(format!("{name} has {count} rows, not {}", expected.rows)));
    }
    if digest.hex() != expected.sha256 {
        return Err(BackupError::Differs(format!("the rows of {name} differ")));
    }
    Ok(())
}
