//! The manifest beside every dump, which describes it: a dump that disagrees with its manifest is not restored.

use std::collections::BTreeMap;

use holdfast_shared::db::FromRow;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::store::BackupStore;

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;

/// The manifest of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the manifest.
    pub format: u32,
    /// Key of the dump.
    pub dump: String,
    /// Time of the snapshot: the dump contains everything that was committed before, and nothing else.
    pub taken_at: Timestamp,
    /// Version of Holdfast that created the dump.
    pub holdfast_version: String,
    /// Facts about the database at the snapshot.
    #[serde(flatten)]
    pub facts: DatabaseFacts,
    /// Size of the dump in bytes.
    pub dump_bytes: u64,
    /// SHA-256 of the dump, in hexadecimal digits.
    pub sha256: String,
    /// Version of `pg_dump`. An older `pg_restore` may be unable to read the dump.
    pub client_version: String,
}

/// Facts about a database at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// Version of the schema.
    pub schema_version: i32,
    /// Role that owns the schema.
    pub owner: String,
    /// Version of PostgreSQL.
    pub server_version: String,
    /// Size on the server, in bytes.
    pub database_bytes: i64,
    /// Number of rows of each table.
    pub row_counts: BTreeMap<String, i64>,
    /// Digests of the catalogue by kind of object: tables, constraints, policies, grants and so on.
    pub catalogue: BTreeMap<String, String>,
    /// The newest seal of the audit log.
    pub last_seal: Option<SealReference>,
}

/// A seal of the audit log, by its number and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct SealReference {
    /// Number of the seal.
    pub number: i64,
    /// Digest by which the next seal refers to it, in hexadecimal digits.
    pub hash: String,
}

impl Manifest {
    /// A manifest of this format.
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of a dump.
    pub(crate) async fn of(store: &BackupStore, dump: &str) -> Result<Self, BackupError> {
        let key = BackupStore::manifest_of(dump);
        let text = store.get(&key).await?;
        let bad = |cause: String| BackupError::Manifest { key: key.clone(), cause };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(bad(format!("this build does not read format {other}"))),
        }
    }

    /// Number of rows of all tables.
    pub fn rows(&self) -> i64 {
        self.facts.row_counts.values().sum()
    }
}
