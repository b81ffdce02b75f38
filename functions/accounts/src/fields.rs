//! What an account's fields may hold: parsed at the door, trusted from there on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text that does not fit its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("must be 1 to 200 characters, not all of them spaces, without control characters")]
    Name,
    #[error("must be at most 50 pairs")]
    TooMany,
    #[error("must have keys of 1 to 64 characters and values of at most 512, without control characters in the keys")]
    Pair,
}

/// An account's name, or its owner's: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which prefixes are looked for: without regard to case.
    pub(crate) fn search_key(&self) -> String {
        search_key(&self.0)
    }
}

/// Lower case by Unicode's rules, the same whatever the database's locale is.
pub(crate) fn search_key(text: &str) -> String {
    text.to_lowercase()
}

impl TryFrom<String> for Name {
    type Error = Misfit;

    fn try_from(text: String) -> Result<Self, Misfit> {
        let fits =
            (1..=200).contains(&text.chars().count()) && !text.trim().is_empty() && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(Misfit::Name) }
    }
}

/// Pairs that the tenant keeps with an account: up to 50, keys of 1 to 64 characters, values of up to 512.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "BTreeMap<String, String>")]
#[schema(value_type = BTreeMap<String, String>)]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = Misfit;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, Misfit> {
        if pairs.len() > 50 {
            return Err(Misfit::TooMany);
        }
        let fits = |(key, value): (&String, &String)| {
            (1..=64).contains(&key.chars().count())
                && !key.chars().any(char::is_control)
                && value.chars().count() <= 512
        };
        if pairs.iter().all(fits) { Ok(Self(pairs)) } else { Err(Misfit::Pair) }
    }
}

impl Metadata {
    /// As the database keeps it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str()))).collect()
    }
}

/// Whether the account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It is in use.
    Active,
    /// It refuses secret writes and reveals.
    Suspended,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Suspended].into_iter().find(|status| status.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_1_to_200_characters_and_no_control_character() {
        for (text, fits) in [
            ("a".to_owned(), true),
            ("é".repeat(200), true),
            ("a".repeat(201), false),
            (String::new(), false),
            ("   ".to_owned(), false),
            ("a\nb".to_owned(), false),
        ] {
            assert_eq!(Name::try_from(text.clone()).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn metadata_holds_50_pairs_with_keys_of_64_and_values_of_512_characters() {
        let pairs = |count: usize| (0..count).map(|at| (format!("k{at}"), String::new())).collect::<BTreeMap<_, _>>();
        assert!(Metadata::try_from(pairs(50)).is_ok());
        assert_eq!(Metadata::try_from(pairs(51)), Err(Misfit::TooMany));
        for (key, value, fits) in [(64, 512, true), (65, 0, false), (0, 0, false), (1, 513, false)] {
            let pairs = BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
            assert_eq!(Metadata::try_from(pairs).is_ok(), fits, "{key} {value}");
        }
    }
}
