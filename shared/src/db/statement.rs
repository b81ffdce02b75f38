//! Statements: constant SQL that states whether it is prepared, and parameters that know their types.

use tokio_postgres::types::{ToSql, Type};

use super::param::Param;

/// The text of a statement, and whether a connection prepares it: a property of the constant, so that no call has to
/// remember it (docs/decisions/0015-prepared-statements.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    pub(super) text: &'static str,
    pub(super) prepared: bool,
}

impl Sql {
    /// A statement whose plan does not depend on its values. A connection prepares it in the round trip of its first use;
    /// from then on the server neither parses nor plans it again.
    pub const fn prepared(text: &'static str) -> Self {
        Self { text, prepared: true }
    }

    /// A statement that is planned for its values each time: one with optional filters, where a plan for all cases is a bad
    /// plan for each, or one that runs rarely.
    pub const fn unprepared(text: &'static str) -> Self {
        Self { text, prepared: false }
    }

    /// The text.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// Returns whether connections prepare it.
    pub const fn is_prepared(self) -> bool {
        self.prepared
    }

    /// Binds the first parameter, `$1`.
    pub fn bind<P: Param>(self, value: &P) -> Statement<'_> {
        Statement::from(self).bind(value)
    }
}

/// SQL with its parameters. The text is always a constant: no part of a request ever becomes part of it.
pub struct Statement<'a> {
    pub(super) sql: Sql,
    pub(super) params: Vec<(&'a (dyn ToSql + Sync), Type)>,
}

impl From<Sql> for Statement<'_> {
    fn from(sql: Sql) -> Self {
        Self { sql, params: Vec::new() }
    }
}

impl<'a> Statement<'a> {
    /// Binds the next parameter.
    #[must_use]
    pub fn bind<P: Param>(mut self, value: &'a P) -> Self {
        self.params.push((value, P::TYPE));
        self
    }
}
