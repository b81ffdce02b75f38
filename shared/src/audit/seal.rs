//! A seal, which the audit key signs. Its canonical JSON is the payload of a JWS (RFC 7515), signed with ES256. It names the
//! seal before it by its digest.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ChainPosition, FORMAT, Hash, canonical};

/// Prefix of what the digest of a seal is computed over.
const DOMAIN: &[u8] = b"holdfast/audit/seal";
/// The `typ` of the JWS of a seal, which no other token of Holdfast has.
pub(super) const TYPE: &str = "audit-seal+jws";

/// The content of a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Version of the format.
    pub format: u8,
    /// Number, from 1 without a gap.
    pub number: u64,
    /// Epoch of the transactions.
    pub epoch: i32,
    /// First transaction whose rows it seals.
    #[serde(with = "decimal")]
    pub from_transaction: u64,
    /// First transaction after those.
    #[serde(with = "decimal")]
    pub to_transaction: u64,
    /// Number of sealed rows, of all tenants.
    pub rows: u64,
    /// Time of the sealing.
    #[serde(with = "microseconds")]
    pub sealed_at: Timestamp,
    /// Digest of the seal before it; none for the first.
    pub previous: Option<Hash>,
    /// Root of the state tree.
    pub state_root: Hash,
    /// Number of tenants in that tree.
    pub state_size: u64,
    /// Partitions that may be dropped from here on, because the retention of all their rows has ended.
    pub drops: Vec<DroppedMonth>,
    /// The restore of a backup that it follows; absent from almost every seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RecordedRestore>,
}

/// A restore of a backup that lacked the newest seals: what they sealed was given up. The seal that records it ends its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRestore {
    /// Number of the newest seal that was given up.
    pub newest: u64,
    /// Digest of that seal.
    pub hash: Hash,
}

/// A month of the audit log that was dropped at the end of its retention: its rows may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DroppedMonth {
    /// Name of the partition.
    pub partition: String,
    /// Start of the month.
    #[serde(with = "microseconds")]
    pub from: Timestamp,
    /// End of the month, exclusive.
    #[serde(with = "microseconds")]
    pub before: Timestamp,
    /// Number of rows that it had.
    pub rows: u64,
}

impl Seal {
    /// Folder of the objects that hold seals. Their names sort in the order of the seals.
    pub const FOLDER: &str = "seals/";

    /// Returns the payload: canonical JSON.
    pub fn payload(&self) -> String {
        // Serializing strings, numbers and lists does not fail.
        canonical::json(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Computes the digest by which the next seal names it.
    pub fn hash(&self) -> Hash {
        hash_of(self.payload().as_bytes())
    }

    /// Returns the name of the object that holds it. One that records a restore has its number in common with a seal that was
    /// given up, so it stands in the folder of the epoch that it begins.
    pub fn object_name(&self) -> String {
        let epoch = if self.restore.is_some() { self.epoch.saturating_add(1) } else { self.epoch };
        format!("{}{epoch:010}/{:020}.json", Self::FOLDER, self.number)
    }

    /// Returns the signing input of the JWS, for a key of this id.
    pub fn signing_input(&self, kid: &str) -> String {
        let header = canonical::json(&json!({"alg": "ES256", "kid": kid, "typ": TYPE}));
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}", encode(&header), encode(&self.payload()))
    }

    /// Checks that it is the next seal after this position: none is missing, none repeated.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn follows(&self, position: Option<&ChainPosition>) -> Result<(), String> {
        let expected = position.map_or(1, |position| position.number + 1);
        if self.number != expected {
            return Err(format!("seal {} stands at its position", self.number));
        }
        if self.previous != position.map(|position| position.hash) {
            return Err("it does not name the seal before it".to_owned());
        }
        let begins = match position {
            Some(before) if before.epoch == self.epoch => self.from_transaction == before.to_transaction,
            // The last seal of an epoch covers the rest of it.
            Some(before) => {
                self.epoch > before.epoch && before.to_transaction == u64::MAX && self.from_transaction == 0
            }
            None => self.from_transaction == 0,
        };
        if !begins || self.to_transaction < self.from_transaction {
            return Err("its transactions do not follow those of the seal before it".to_owned());
        }
        if self.restore.is_some() && self.to_transaction != u64::MAX {
            return Err("it records a restore, but does not end its epoch".to_owned());
        }
        Ok(())
    }

    /// Returns whether this build knows the format.
    pub(super) fn is_known(&self) -> bool {
        self.format == FORMAT
    }
}

/// Computes the digest of the payload of a seal.
pub(super) fn hash_of(payload: &[u8]) -> Hash {
    Hash::of(&[DOMAIN, &[FORMAT], payload])
}

/// Transactions are 64-bit numbers, which some JSON readers round: they are written as text.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Times always have six decimal digits of the second, as everywhere in the API.
mod microseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        crate::clock::Time(*at).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}
