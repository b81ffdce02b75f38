//! A requirement with its answer.

use serde::Deserialize;

use super::Answer;

/// A requirement or a weakness, with exactly one answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Row {
    /// Id in the standard, such as `6.2.1` or `CWE-79`.
    pub id: String,
    /// Level of assurance that it begins at, 1 to 3; none where the standard has no levels.
    pub level: Option<u8>,
    /// What is asked for, in our words.
    pub asks: String,
    /// What is done about it.
    pub answer: Answer,
    /// What a reader of the tests would miss.
    pub note: Option<String>,
}

/// A row as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    level: Option<u8>,
    asks: String,
    tests: Option<Vec<String>>,
    code: Option<String>,
    not_applicable: Option<String>,
    exception: Option<String>,
    note: Option<String>,
}

impl TryFrom<Raw> for Row {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let Raw { id, level, asks, tests, code, not_applicable, exception, note } = raw;
        let answer = match (tests, code, not_applicable, exception) {
            (Some(tests), None, None, None) if !tests.is_empty() => Answer::Tests(tests),
            (None, Some(code), None, None) => Answer::Code(code),
            (None, None, Some(reason), None) => Answer::NotApplicable(reason),
            (None, None, None, Some(reason)) => Answer::Exception(reason),
            _ => return Err(format!("{id} needs one of tests, code, not_applicable and exception")),
        };
        Ok(Self { id, level, asks, answer, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(answer: &str) -> Result<Row, toml::de::Error> {
        toml::from_str(&format!("id = '1.1.1'\nlevel = 1\nasks = 'something'\n{answer}"))
    }

    #[test]
    fn a_row_has_exactly_one_answer() {
        assert_eq!(row("code = 'a: b'").unwrap().answer, Answer::Code("a: b".to_owned()));
        for undecided in ["", "tests = []", "code = 'a: b'\nexception = 'c'", "code = 'a: b'\nunknown = 1"] {
            assert!(row(undecided).is_err(), "{undecided}");
        }
    }
}
