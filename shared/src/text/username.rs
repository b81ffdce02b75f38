//! The names by which users sign in. Two names that differ must look different: names are normalised, hold only what Unicode
//! allows in identifiers, and do not mix scripts that are easily confused (UTS 39, "Highly Restrictive"). What is not excluded
//! is a name that is written wholly in another script and looks like a Latin one.

use icu_casemap::CaseMapper;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};
use utoipa::ToSchema;

use super::characters;

/// A text that is not a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 128 letters, digits, spaces or ASCII punctuation, without a colon, spaces at its ends, invisible characters \
     or letters of scripts that are confused with each other"
)]
pub struct InvalidUsername;

/// The name by which a user signs in: 1 to 128 characters, in NFKC. It has no colon, the separator in `AUTH_USERS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String, min_length = 1, max_length = 128,
    pattern = r"^[^\s:\x00-\x1f\x7f-\x9f]([^:\x00-\x1f\x7f-\x9f]*[^\s:\x00-\x1f\x7f-\x9f])?$"
)]
pub struct Username(String);

impl Username {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key by which the name is unique, found and counted.
    pub fn key(&self) -> String {
        username_key(&self.0)
    }
}

impl TryFrom<String> for Username {
    type Error = InvalidUsername;

    fn try_from(text: String) -> Result<Self, InvalidUsername> {
        let visible = characters::are_visible(&text);
        let text: String = text.nfkc().collect();
        let fits = visible
            && (1..=128).contains(&text.chars().count())
            && text.trim() == text
            && !text.contains(':')
            && characters::are_visible(&text)
            && is_restricted(&text);
        if fits { Ok(Self(text)) } else { Err(InvalidUsername) }
    }
}

impl std::str::FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        Self::try_from(text.to_owned())
    }
}

/// Returns whether a text is at most Highly Restrictive (UTS 39, section 5.2): each character is allowed in identifiers, and
/// they are of one script, or Latin with those that Chinese, Japanese or Korean is written in. Spaces and punctuation of
/// ASCII belong to every script.
fn is_restricted(text: &str) -> bool {
    let letters: String = text.chars().filter(|letter| !letter.is_ascii() || letter.is_ascii_alphanumeric()).collect();
    letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// The key of a username, valid or not: two names with the same key are the same name. Independent of every locale; the
/// database stores it and compares its bytes.
pub fn username_key(name: &str) -> String {
    fold(name)
}

/// Folds a text so that two texts which differ only in case or compatibility forms become equal: NFKC of the compatibility
/// caseless form (Unicode, D146).
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let case = CaseMapper::new();
    let once: String = text.nfd().collect();
    let twice: String = case.fold_string(&once).nfkd().collect();
    case.fold_string(&twice).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usernames_can_be_written_in_auth_users_and_are_not_mistaken_for_others() {
        for (text, fits) in [
            ("ada".to_owned(), true),
            ("Ada Lovelace".to_owned(), true),
            ("ada.l+test@example.com".to_owned(), true),
            ("é".repeat(128), true),
            ("Łukasz".to_owned(), true),
            ("Анна".to_owned(), true),
            ("田中taro".to_owned(), true),
            ("a".repeat(129), false),
            ("\u{fdfa}".repeat(8), false),
            (String::new(), false),
            (" ada".to_owned(), false),
            ("ada\u{a0}".to_owned(), false),
            ("a:b".to_owned(), false),
            ("a\u{ff1a}b".to_owned(), false),
            ("a\u{7f}b".to_owned(), false),
            ("admin\u{200b}".to_owned(), false),
            ("ad\u{202e}min".to_owned(), false),
            ("ad\u{ad}min".to_owned(), false),
            ("\u{430}dmin".to_owned(), false),
            ("adm\u{3b9}n".to_owned(), false),
            ("admin😀".to_owned(), false),
        ] {
            assert_eq!(Username::try_from(text.clone()).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_or_compatibility_forms_have_one_key() {
        for same in [
            ["admin", "ADMIN", "\u{ff41}\u{ff44}\u{ff4d}\u{ff49}\u{ff4e}", "\u{1d41a}dmin"],
            ["Zo\u{eb}", "zoe\u{308}", "ZOË", "zoë"],
            ["straße", "STRASSE", "Stra\u{1e9e}e", "strasse"],
            ["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "Σίσυφος"],
        ] {
            let keys: std::collections::BTreeSet<_> = same.iter().map(|name| username_key(name)).collect();
            assert_eq!(keys.len(), 1, "{keys:?}");
        }
        assert_ne!(username_key("adm\u{130}n"), username_key("admin"));
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(name in "\\PC{0,12}") {
            let key = username_key(&name);
            prop_assert_eq!(username_key(&key), key);
        }

        #[test]
        fn a_valid_name_is_stored_as_it_is_read_again(name in "\\PC{1,8}") {
            if let Ok(username) = Username::try_from(name) {
                prop_assert_eq!(Username::try_from(username.as_str().to_owned()), Ok(username.clone()));
            }
        }
    }
}
