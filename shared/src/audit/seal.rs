//! A seal: what the audit key signs. Its canonical JSON is the payload of a JWS (RFC 7515), signed with ES256, and names the
//! seal before it by its digest.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{FORMAT, Hash, canonical};

/// What the digest of a seal begins with.
const DOMAIN: &[u8] = b"holdfast/audit/seal";
/// The `typ` of a seal's JWS: no other token of ours is one.
pub(super) const TYPE: &str = "audit-seal+jws";

/// What is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The version of the format.
    pub format: u8,
    /// Its number, from 1 without a gap.
    pub number: u64,
    /// The epoch of the transactions below.
    pub epoch: i32,
    /// It seals the rows of all transactions from this one ...
    #[serde(with = "decimal")]
    pub from_transaction: u64,
    /// ... to before this one.
    #[serde(with = "decimal")]
    pub to_transaction: u64,
    /// How many rows those are, of all tenants.
    pub rows: u64,
    /// When it was sealed.
    #[serde(with = "microseconds")]
    pub sealed_at: Timestamp,
    /// The digest of the seal before it; none for the first.
    pub previous: Option<Hash>,
    /// The root of the state tree.
    pub state_root: Hash,
    /// How many tenants are in that tree.
    pub state_size: u64,
    /// The partitions that may be dropped from here on: their rows have served their time.
    pub drops: Vec<Dropped>,
}

/// A month of the audit log that was dropped: what is missing of it is missing rightly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// The partition's name.
    pub partition: String,
    /// Its rows are at or after this time ...
    #[serde(with = "microseconds")]
    pub from: Timestamp,
    /// ... and before this one.
    #[serde(with = "microseconds")]
    pub before: Timestamp,
    /// How many rows it had.
    pub rows: u64,
}

impl Seal {
    /// The payload: canonical JSON.
    pub fn payload(&self) -> String {
        // Serializing strings, numbers and lists does not fail.
        canonical::json(&serde_json::to_value(self).unwrap_or_default())
    }

    /// The digest by which the next seal names it.
    pub fn hash(&self) -> Hash {
        hash_of(self.payload().as_bytes())
    }

    /// What is signed, for a key of this id.
    pub fn signing_input(&self, kid: &str) -> String {
        let header = canonical::json(&json!({"alg": "ES256", "kid": kid, "typ": TYPE}));
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}", encode(&header), encode(&self.payload()))
    }

    /// Whether this build knows the format.
    pub(super) fn is_known(&self) -> bool {
        self.format == FORMAT
    }
}

/// The digest of a seal's payload.
pub(super) fn hash_of(payload: &[u8]) -> Hash {
    Hash::of(&[DOMAIN, &[FORMAT], payload])
}

/// Transactions are 64-bit numbers, which JSON's readers do not all keep: they are written as text.
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

/// Times always have six digits of the second, as everywhere in the contract.
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
