//! A statement on its way: constant text, and parameters that know their types.

use tokio_postgres::types::{ToSql, Type};

use super::param::Param;

/// SQL with its parameters. The text is always a constant: nothing of a request ever becomes part of it.
#[derive(Default)]
pub struct Statement<'a> {
    pub(super) sql: &'static str,
    /// Whether a connection that has seen it once need not read and plan it again.
    pub(super) repeats: bool,
    pub(super) params: Vec<(&'a (dyn ToSql + Sync), Type)>,
}

impl<'a> Statement<'a> {
    /// A statement without parameters yet.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, repeats: false, params: Vec::new() }
    }

    /// A statement that a connection sees again and again, and whose plan does not depend on its values: it is prepared along
    /// with its first use. Not for filters that may be absent: the plan of all cases is a bad one for each.
    pub const fn prepared(sql: &'static str) -> Self {
        Self { sql, repeats: true, params: Vec::new() }
    }

    /// Gives the next parameter: `$1` first.
    #[must_use]
    pub fn bind<P: Param>(mut self, value: &'a P) -> Self {
        self.params.push((value, P::TYPE));
        self
    }
}
