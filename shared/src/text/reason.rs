//! Why somebody did something, in their own words.

use super::characters;

/// A text that is not a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 256 characters, not all of them spaces, without control or invisible characters")]
pub struct InvalidReason;

/// A reason for an act, for the audit log: one line of 1 to 256 characters (Unicode scalar values), without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;

    fn try_from(text: String) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let fits = (1..=256).contains(&text.chars().count()) && characters::are_visible(text);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidReason) }
    }
}

impl std::str::FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        Self::try_from(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_visible_line_of_1_to_256_characters() {
        for (text, fits) in [
            ("ticket 4711".to_owned(), true),
            ("😀".repeat(256), true),
            ("a".repeat(257), false),
            (String::new(), false),
            (" \u{a0} ".to_owned(), false),
            ("two\nlines".to_owned(), false),
            ("ad\u{202e}min".to_owned(), false),
            ("in\u{200b}visible".to_owned(), false),
        ] {
            assert_eq!(Reason::try_from(text.clone()).is_ok(), fits, "{text:?}");
        }
        assert_eq!(" padded ".parse::<Reason>().unwrap().as_str(), "padded");
    }
}
