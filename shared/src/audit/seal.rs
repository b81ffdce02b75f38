//! A seal, which the audit key signs. Its canonical JSON is the payload of a JWS (RFC 7515), signed with ES256. It names the
//! seal before it by its digest.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{FORMAT, Hash, canonical};

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
    /// Returns the payload: canonical JSON.
    pub fn payload(&self) -> String {
        // Serializing strings, numbers and lists does not fail.
        canonical::json(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Computes the digest by which the next seal names it.
    pub fn hash(&self) -> Hash {
        hash_of(self.payload().as_bytes())
    }

    /// Returns the signing input of the JWS, for a key of this id.
    pub fn signing_input(&self, kid: &str) -> String {
        let header = canonical::json(&json!({"alg": "ES256", "kid": kid, "typ": TYPE}));
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}", encode(&header), encode(&self.payload()))
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
