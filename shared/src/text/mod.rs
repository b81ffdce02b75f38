//! Names and labels that people choose, validated at the boundary.

mod characters;
mod reason;
mod username;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use reason::{InvalidReason, Reason};
pub use username::{InvalidUsername, Username, fold, username_key};

/// A text that is not a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 characters, not all of them spaces, without control or invisible characters")]
pub struct InvalidLabel;

/// A name that is displayed, of a tenant, an account or a token: 1 to 200 characters, none of which is a control character,
/// invisible, or changes the direction of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String, min_length = 1, max_length = 200,
    pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
)]
pub struct Label(String);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a text is shown as it is: no control character, nothing invisible, nothing that reorders it.
pub fn is_visible(text: &str) -> bool {
    characters::are_visible(text)
}

impl TryFrom<String> for Label {
    type Error = InvalidLabel;

    fn try_from(text: String) -> Result<Self, InvalidLabel> {
        let blank = text.trim().is_empty();
        let fits = text.chars().count() <= 200 && !blank && characters::are_visible(&text);
        if fits { Ok(Self(text)) } else { Err(InvalidLabel) }
    }
}

/// A text that is not a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 of a-z, 0-9 and -, and must not start with -")]
pub struct InvalidSlug;

/// The short name of a tenant, given at sign-in: 1 to 63 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
pub struct Slug(String);

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        let known = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        let fits = (1..=63).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('-');
        if fits { Ok(Self(text)) } else { Err(InvalidSlug) }
    }
}

/// A text that is not the name of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a letter and up to 127 more letters, digits, _, . or -, all of ASCII")]
pub struct InvalidSecretName;

/// The name of a secret: `[A-Za-z][A-Za-z0-9_.-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName(String);

impl SecretName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, InvalidSecretName> {
        let known = |letter: u8| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter);
        let begins = text.bytes().next().is_some_and(|letter| letter.is_ascii_alphabetic());
        let fits = begins && text.len() <= 128 && text.bytes().all(known);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidSecretName) }
    }
}

/// Normalizes a text for prefix search: lower case by Unicode's rules, independent of the database's locale.
pub fn search_key(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_hold_1_to_200_characters_and_no_control_character() {
        for (text, fits) in [
            ("a".to_owned(), true),
            ("é".repeat(200), true),
            ("a".repeat(201), false),
            (String::new(), false),
            ("   ".to_owned(), false),
            ("a\nb".to_owned(), false),
            ("a\u{202e}b".to_owned(), false),
            ("a\u{200b}b".to_owned(), false),
        ] {
            assert_eq!(Label::try_from(text.clone()).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn names_of_secrets_begin_with_a_letter_and_hold_1_to_128_characters() {
        for (text, fits) in [
            ("DATABASE_PASSWORD".to_owned(), true),
            ("a.b-c_9".to_owned(), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            (String::new(), false),
            ("9a".to_owned(), false),
            ("_a".to_owned(), false),
            ("a b".to_owned(), false),
            ("a/b".to_owned(), false),
            ("é".to_owned(), false),
            ("a\n".to_owned(), false),
        ] {
            assert_eq!(text.parse::<SecretName>().is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn slugs_hold_1_to_63_letters_digits_and_hyphens_and_do_not_begin_with_one() {
        for (text, fits) in [
            ("acme".to_owned(), true),
            ("0-9-".to_owned(), true),
            ("a".repeat(63), true),
            ("a".repeat(64), false),
            (String::new(), false),
            ("-acme".to_owned(), false),
            ("Acme".to_owned(), false),
            ("ac_me".to_owned(), false),
            ("acmé".to_owned(), false),
            ("acme\n".to_owned(), false),
        ] {
            assert_eq!(Slug::try_from(text.clone()).is_ok(), fits, "{text:?}");
        }
    }
}
