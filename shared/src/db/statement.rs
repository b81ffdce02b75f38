//! A statement on its way: constant text, and parameters that know their types.

use tokio_postgres::types::{ToSql, Type};

use super::param::Param;

/// SQL with its parameters. The text is always a constant: nothing of a request ever becomes part of it.
#[derive(Default)]
pub struct Statement<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<(&'a (dyn ToSql + Sync), Type)>,
}

impl<'a> Statement<'a> {
    /// A statement without parameters yet.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, params: Vec::new() }
    }

    /// Gives the next parameter: `$1` first.
    #[must_use]
    pub fn bind<P: Param>(mut self, value: &'a P) -> Self {
        self.params.push((value, P::TYPE));
        self
    }
}
