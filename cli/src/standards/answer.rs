//! The answers to a requirement.

/// What is done about a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds, and these tests prove it: names as the test runner prints them.
    Tests(Vec<String>),
    /// It holds, and no test can show it: the file that enforces or documents it, a colon, and how.
    Code(String),
    /// It concerns nothing that exists here: the reason.
    NotApplicable(String),
    /// It does not hold, or not wholly: what is missing, and why that is accepted.
    Exception(String),
}

impl Answer {
    /// The kinds of answers, in the order of the summary.
    pub const KINDS: [&str; 4] = ["tested", "by code", "not applicable", "exception"];

    /// Returns the kind, as the page names it.
    pub const fn kind(&self) -> &'static str {
        let [tested, code, not_applicable, exception] = Self::KINDS;
        match self {
            Self::Tests(_) => tested,
            Self::Code(_) => code,
            Self::NotApplicable(_) => not_applicable,
            Self::Exception(_) => exception,
        }
    }
}
