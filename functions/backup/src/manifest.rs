//! The manifest beside every archive, which describes it, and the signature beside the manifest. Nothing is restored before
//! a pinned key is found to have signed the manifest, and the archive is found to be the one that it describes.

use std::collections::BTreeMap;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use holdfast_shared::audit::PinnedKeys;
use holdfast_shared::db::FromRow;
use holdfast_shared::identity::es256::{self, PublicKey};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::Digester;
use crate::error::BackupError;
use crate::signer::BackupSigner;
use crate::store::BackupStore;
use crate::tables::{self, Table};

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 2;

/// Type of the signature (RFC 7515, section 4.1.9): a key that signs other things signs none of these.
const TYPE: &str = "holdfast-backup+jws";

/// The manifest of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the manifest and of the archive.
    pub format: u32,
    /// Name of the archive, the last part of its key. An archive of another name is not this backup.
    pub archive: String,
    /// Time of the snapshot: the archive has everything that was committed before, and nothing else.
    pub taken_at: Timestamp,
    /// Version of Holdfast that wrote it.
    pub holdfast_version: String,
    /// Version of the schema. Only a build with this version restores the archive.
    pub schema_version: i32,
    /// Digest of the tables and columns.
    pub schema_fingerprint: String,
    /// Version of PostgreSQL.
    pub server_version: String,
    /// Size on the server, in bytes.
    pub database_bytes: i64,
    /// Epoch of the audit log.
    pub audit_epoch: i32,
    /// Months of the audit log that have a partition, as their first days.
    pub audit_months: Vec<Date>,
    /// The newest seal of the audit log.
    pub last_seal: Option<SealReference>,
    /// The tables in the archive, in order.
    pub tables: Vec<StoredTable>,
    /// Size of the archive in bytes.
    pub bytes: u64,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub sha256: String,
}

/// The rows of a table in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTable {
    /// The table.
    #[serde(flatten)]
    pub table: Table,
    /// Number of rows.
    pub rows: i64,
    /// Length of the rows in COPY's text format, in bytes.
    pub bytes: u64,
    /// SHA-256 of the rows in that format, in hexadecimal digits.
    pub sha256: String,
}

/// A seal of the audit log, by its number and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct SealReference {
    /// Number of the seal.
    pub number: i64,
    /// Digest by which the next seal refers to it, in hexadecimal digits.
    pub hash: String,
}

/// Header of a signature. It names its key, which counts only where its thumbprint is pinned.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureHeader {
    alg: String,
    typ: String,
    jwk: Jwk,
}

/// A public key (RFC 7517).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// What is signed: KMS signs no message as long as a manifest.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedDigest {
    archive: String,
    manifest_sha256: String,
}

impl Manifest {
    /// A manifest of this format.
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of an archive.
    ///
    /// # Errors
    /// [`BackupError::Unsigned`], unless a pinned key signed exactly this manifest for exactly this archive;
    /// [`BackupError::OtherSchema`], if this build has other tables.
    pub(crate) async fn of(store: &BackupStore, archive: &str, pins: &PinnedKeys) -> Result<Self, BackupError> {
        let key = BackupStore::manifest_of(archive);
        let text = store.get(&key).await?;
        let signature = store.get(&BackupStore::signature_of(archive)).await?;
        let unsigned = |cause: &str| BackupError::Unsigned { key: key.clone(), cause: cause.to_owned() };
        verify(&signature, &SignedDigest::of(archive, &text), pins).map_err(unsigned)?;
        let bad = |cause: String| BackupError::Manifest { key: key.clone(), cause };
        let format: Format = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if format.format != FORMAT {
            return Err(bad(format!("this build does not read format {}", format.format)));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if manifest.archive != BackupStore::name_of(archive) {
            return Err(bad(format!("it describes {}", manifest.archive)));
        }
        manifest.check_schema()?;
        Ok(manifest)
    }

    /// Signs the text of a manifest: a compact JWS (RFC 7515).
    pub(crate) async fn sign(archive: &str, text: &str, signer: &BackupSigner) -> Result<String, BackupError> {
        let PublicKey { x, y } = signer.public().clone();
        let header = SignatureHeader {
            alg: "ES256".to_owned(),
            typ: TYPE.to_owned(),
            jwk: Jwk { kty: "EC".to_owned(), crv: "P-256".to_owned(), x, y },
        };
        let input = format!("{}.{}", segment(&header)?, segment(&SignedDigest::of(archive, text.as_bytes()))?);
        let signature = signer.sign(input.as_bytes()).await?;
        Ok(format!("{input}.{}", BASE64URL_NOPAD.encode(&signature)))
    }

    /// Number of rows of all tables.
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Number of rows of each table.
    pub fn row_counts(&self) -> BTreeMap<String, i64> {
        self.tables.iter().map(|table| (table.table.name.clone(), table.rows)).collect()
    }

    /// Checks the digest of a whole archive.
    pub(crate) fn check_digest(&self, archive: &Digester) -> Result<(), BackupError> {
        if archive.hex() == self.sha256 && archive.bytes() == self.bytes {
            return Ok(());
        }
        Err(BackupError::Altered { key: self.archive.clone() })
    }

    /// Checks that the tables are those of this build, in its order.
    fn check_schema(&self) -> Result<(), BackupError> {
        let known = holdfast_migrate::newest_version();
        let other = |difference: String| BackupError::OtherSchema {
            version: self.schema_version,
            holdfast: self.holdfast_version.clone(),
            known,
            difference,
        };
        let expected = tables::of_this_build();
        let found: Vec<_> = self.tables.iter().map(|stored| stored.table.clone()).collect();
        if let Some(difference) = tables::first_difference(&expected, &found) {
            return Err(other(difference));
        }
        if self.schema_version != known {
            return Err(other("its version differs".to_owned()));
        }
        if found != expected || self.schema_fingerprint != tables::fingerprint(&expected) {
            return Err(other("its tables or columns are in another order".to_owned()));
        }
        if let Some(month) = self.audit_months.iter().find(|month| month.day() != 1 || month.year() < 2000) {
            return Err(other(format!("{month} is no month of the audit log")));
        }
        Ok(())
    }
}

/// Format of a manifest, whatever else it has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl SignedDigest {
    fn of(archive: &str, manifest: &[u8]) -> Self {
        let archive = BackupStore::name_of(archive).to_owned();
        Self { archive, manifest_sha256: HEXLOWER.encode(&Sha256::digest(manifest)) }
    }
}

/// Verifies a signature. The key in its header counts only because its thumbprint, a digest of the key, is pinned.
fn verify(signature: &[u8], expected: &SignedDigest, pins: &PinnedKeys) -> Result<(), &'static str> {
    const MALFORMED: &str = "its signature is malformed";
    let text = std::str::from_utf8(signature).map_err(|_| MALFORMED)?;
    let (input, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, payload) = input.split_once('.').ok_or(MALFORMED)?;
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| MALFORMED);
    let header: SignatureHeader = serde_json::from_slice(&decode(header)?).map_err(|_| MALFORMED)?;
    if header.alg != "ES256" || header.typ != TYPE || header.jwk.kty != "EC" || header.jwk.crv != "P-256" {
        return Err("its signature is of another kind");
    }
    let key = PublicKey { x: header.jwk.x, y: header.jwk.y };
    if !pins.contains(&key) {
        return Err("its signature is under a key that the configuration does not name");
    }
    if !es256::verify(&key, input.as_bytes(), &decode(signature)?) {
        return Err("its signature does not verify");
    }
    let signed: SignedDigest = serde_json::from_slice(&decode(payload)?).map_err(|_| MALFORMED)?;
    if signed.archive != expected.archive {
        return Err("its signature is that of another backup");
    }
    if signed != *expected {
        return Err("it was changed after it was signed");
    }
    Ok(())
}

fn segment(value: &impl Serialize) -> Result<String, BackupError> {
    let json = serde_json::to_vec(value).map_err(|error| BackupError::Sign(error.to_string()))?;
    Ok(BASE64URL_NOPAD.encode(&json))
}
