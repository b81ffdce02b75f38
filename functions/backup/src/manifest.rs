//! What lies beside every dump and says what it must be: nothing is restored that does not agree with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::store::Store;

/// The format that is written; another is not read.
const FORMAT: u32 = 1;

/// A dump's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's own format.
    pub format: u32,
    /// The dump's key.
    pub dump: String,
    /// When its snapshot was taken: all that was committed before is in it, and nothing else.
    pub taken_at: Timestamp,
    /// Which build of Holdfast made it.
    pub holdfast_version: String,
    /// What the database was at the snapshot.
    #[serde(flatten)]
    pub facts: Facts,
    /// The dump's size in bytes.
    pub dump_bytes: u64,
    /// SHA-256 of the dump, in hexadecimal digits.
    pub sha256: String,
    /// `pg_dump`'s version. A `pg_restore` older than it may not read the dump.
    pub client_version: String,
}

/// What a database is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The schema's version.
    pub schema_version: i32,
    /// The role that owns it.
    pub owner: String,
    /// PostgreSQL's version.
    pub server_version: String,
    /// Its size on the server, in bytes.
    pub database_bytes: i64,
    /// How many rows each table has.
    pub row_counts: BTreeMap<String, i64>,
    /// Digests of the catalogue, by what they are of: tables, constraints, policies, grants and the like.
    pub catalogue: BTreeMap<String, String>,
    /// The newest seal of the audit log.
    pub last_seal: Option<Seal>,
}

/// A seal of the audit log, by its number and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Its number.
    pub number: i64,
    /// The digest by which the next seal names it, in hexadecimal digits.
    pub hash: String,
}

impl Manifest {
    /// A manifest of this format.
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of a dump.
    pub(crate) async fn of(store: &Store, dump: &str) -> Result<Self, BackupError> {
        let key = Store::manifest_of(dump);
        let text = store.get(&key).await?;
        let bad = |cause: String| BackupError::Manifest { key: key.clone(), cause };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(bad(format!("format {other} is not known to this build"))),
        }
    }

    /// How many rows all tables have.
    pub fn rows(&self) -> i64 {
        self.facts.row_counts.values().sum()
    }
}
