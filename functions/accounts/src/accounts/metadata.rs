//! An account's metadata: validated where it enters, trusted from there on.

use std::collections::BTreeMap;

use holdfast_shared::text::is_visible;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Metadata that is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidMetadata {
    #[error("must be at most 50 pairs")]
    TooMany,
    #[error(
        "must have keys of 1 to 64 characters and values of at most 512, without control or invisible characters in the keys"
    )]
    Pair,
}

/// Pairs of strings that the tenant stores with an account: up to 50, keys of 1 to 64 characters, values of up to 512.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl ToSchema for Metadata {}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
        let key = key.pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*$"));
        let value = ObjectBuilder::new().schema_type(Type::String).max_length(Some(512));
        let pairs = ObjectBuilder::new().property_names(Some(key)).additional_properties(Some(value));
        pairs
            .max_properties(Some(50))
            .description(Some("Pairs of strings that the tenant stores with an account."))
            .into()
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, InvalidMetadata> {
        if pairs.len() > 50 {
            return Err(InvalidMetadata::TooMany);
        }
        let fits = |(key, value): (&String, &String)| {
            (1..=64).contains(&key.chars().count()) && is_visible(key) && value.chars().count() <= 512
        };
        if pairs.iter().all(fits) { Ok(Self(pairs)) } else { Err(InvalidMetadata::Pair) }
    }
}

impl Metadata {
    /// The form in which the database stores it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_holds_50_pairs_with_keys_of_64_and_values_of_512_characters() {
        let pairs = |count: usize| (0..count).map(|at| (format!("k{at}"), String::new())).collect::<BTreeMap<_, _>>();
        assert!(Metadata::try_from(pairs(50)).is_ok());
        assert_eq!(Metadata::try_from(pairs(51)), Err(InvalidMetadata::TooMany));
        for (key, value, fits) in [(64, 512, true), (65, 0, false), (0, 0, false), (1, 513, false)] {
            let pairs = BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
            assert_eq!(Metadata::try_from(pairs).is_ok(), fits, "{key} {value}");
        }
    }
}
