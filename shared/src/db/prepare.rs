//! Statements that repeat are prepared while they are used for the first time: in the same flight, so that it costs no time on the
//! way, and from then on the server neither reads nor plans them again. What that saves is more than half of its work for a
//! request that reads one row (docs/decisions/0015-statements-that-are-prepared-on-the-way.md).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::statement::Statement;

/// The statements of one flight, as far as the connection knows them.
pub(super) struct PreparedStatements<'a> {
    client: &'a Object,
    known: HashMap<&'static str, tokio_postgres::Statement>,
    /// Sent, and not answered yet.
    pending: Mutex<Vec<BoxFuture<'a, Result<tokio_postgres::Statement, Error>>>>,
}

impl<'a> PreparedStatements<'a> {
    /// Takes what the connection knows, and sends what it is to know the next time, ahead of everything else.
    pub(super) fn start(client: &'a Object, statements: &[Statement<'_>]) -> Self {
        let (mut known, mut pending) = (HashMap::new(), Vec::new());
        for Statement { sql, params } in statements.iter().filter(|statement| statement.sql.prepared) {
            let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
            let sql = sql.text;
            let mut prepared = async move { client.prepare_typed_cached(sql, &types).await }.boxed();
            match (&mut prepared).now_or_never() {
                Some(Ok(statement)) => drop(known.insert(sql, statement)),
                // What is wrong with it will be told to who runs it.
                Some(Err(_)) => {}
                None => pending.push(prepared),
            }
        }
        Self { client, known, pending: Mutex::new(pending) }
    }

    /// Runs a statement, sent when this is first polled.
    pub(super) async fn send(&self, statement: &Statement<'_>) -> Result<Vec<Row>, Error> {
        match self.known.get(statement.sql.text) {
            Some(prepared) => {
                let values: Vec<&(dyn ToSql + Sync)> = statement.params.iter().map(|(value, _)| *value).collect();
                self.client.query(prepared, &values).await
            }
            None => self.client.query_typed(statement.sql.text, &statement.params).await,
        }
    }

    /// Takes the answers to what is still pending. Beside the other answers: the connection hands them out in order, and waits
    /// for whoever does not take theirs.
    pub(super) async fn finish(&self) {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(pending).await;
    }
}
