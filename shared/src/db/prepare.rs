//! Preparing statements in the round trip of their first use. From then on the server neither parses nor plans them again,
//! which saves more than half of its work for a request that reads one row
//! (docs/decisions/0015-prepared-statements.md).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::statement::Statement;

/// The prepared statements that one round trip can use.
pub(super) struct PreparedStatements<'a> {
    client: &'a Object,
    known: HashMap<&'static str, tokio_postgres::Statement>,
    /// Prepare messages without a response yet.
    pending: Mutex<Vec<BoxFuture<'a, Result<tokio_postgres::Statement, Error>>>>,
}

impl<'a> PreparedStatements<'a> {
    /// Collects the statements that the connection has prepared, and sends the prepare messages of the others, ahead of all
    /// other messages.
    pub(super) fn start(client: &'a Object, statements: &[Statement<'_>]) -> Self {
        let (mut known, mut pending) = (HashMap::new(), Vec::new());
        for Statement { sql, params } in statements.iter().filter(|statement| statement.sql.prepared) {
            let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
            let sql = sql.text;
            let mut prepared = async move { client.prepare_typed_cached(sql, &types).await }.boxed();
            match (&mut prepared).now_or_never() {
                Some(Ok(statement)) => drop(known.insert(sql, statement)),
                // The error surfaces when the statement executes.
                Some(Err(_)) => {}
                None => pending.push(prepared),
            }
        }
        Self { client, known, pending: Mutex::new(pending) }
    }

    /// Runs a statement; sends it when first polled.
    pub(super) async fn send(&self, statement: &Statement<'_>) -> Result<Vec<Row>, Error> {
        match self.known.get(statement.sql.text) {
            Some(prepared) => {
                let values: Vec<&(dyn ToSql + Sync)> = statement.params.iter().map(|(value, _)| *value).collect();
                self.client.query(prepared, &values).await
            }
            None => self.client.query_typed(statement.sql.text, &statement.params).await,
        }
    }

    /// Receives the responses to the prepare messages. Must run beside the statements: the connection delivers responses in
    /// order, and a response that nobody receives blocks those after it.
    pub(super) async fn finish(&self) {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(pending).await;
    }
}
