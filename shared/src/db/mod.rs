//! The database: one connection per instance, and every request one transaction in one round trip.

mod connection;
mod error;
mod login;
mod logins;
mod owner;
mod owner_entry;
pub mod param;
mod prepare;
pub mod privileges;
mod row;
mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::join_all;
use jiff::Timestamp;

use prepare::PreparedStatements;

pub(crate) use connection::client_config;
pub use connection::{ConnectError, PoolSettings, Start, cause};
pub use error::DbError;
pub use login::Credentials;
pub use logins::{DatabaseLogin, LOGINS, login_of};
pub use owner::{OwnerError, connect_backup, connect_maintenance, connect_owner};
pub use owner_entry::OwnerEntry;
pub use row::{FromRow, Row, RowError, rows_of};
pub use statement::{Sql, Statement};

use crate::telemetry::metrics::{Metrics, Report};

/// Time limit of one round trip, statements and network together. Past it the connection is closed.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(10);

/// The schema versions that this build supports: the newest and the one before it, so that a rollout has no gap.
pub const SCHEMA_VERSIONS: std::ops::RangeInclusive<i32> = 5..=6;

const REPORT: Sql = Sql::prepared(
    "SELECT report_metrics(
        p_instance => $1, p_epoch => $2, p_function => $3, p_started_at => $4, p_now => $5, p_series => $6)",
);

/// The pool of database connections. Cheap to clone.
#[derive(Clone)]
pub struct Datastore {
    /// None where the function has no database.
    pool: Option<Pool>,
    metrics: Arc<Metrics>,
}

impl Datastore {
    /// Sets up the pool; opens no connection yet.
    ///
    /// # Errors
    /// The settings are unusable.
    pub fn new(settings: PoolSettings, metrics: Arc<Metrics>) -> Result<Self, ConnectError> {
        Ok(Self { pool: Some(connection::pool(settings)?), metrics })
    }

    /// The datastore of a function without a database: whatever is asked of it is [`DbError::Unreachable`].
    pub fn none(metrics: Arc<Metrics>) -> Self {
        Self { pool: None, metrics }
    }

    /// Returns whether there is a database.
    pub fn exists(&self) -> bool {
        self.pool.is_some()
    }

    /// Opens a connection if there is none, and checks that this build supports the schema's version.
    ///
    /// # Errors
    /// No connection can be opened, or the schema's version is not supported.
    pub async fn connect(&self) -> Result<(), DbError> {
        self.connection().await.map(drop)
    }

    /// Runs statements as one transaction in one round trip: `BEGIN`, the statements in order, `COMMIT`, all sent before
    /// the first response is awaited. Returns the rows of each statement, in the same order.
    ///
    /// # Errors
    /// The first statement's error, if one failed: then nothing was committed. [`DbError::Lost`] if the connection broke
    /// or the round trip took longer than 10 s: then the outcome is unknown.
    pub async fn transact(&self, mut statements: Vec<Statement<'_>>, now: Timestamp) -> Result<Vec<Vec<Row>>, DbError> {
        let metrics = &self.metrics;
        // Counters travel with a round trip that the request makes anyway.
        let report = metrics.due(now);
        if let Some(Report { epoch, series }) = &report {
            let report = REPORT.bind(&metrics.instance).bind(epoch).bind(&metrics.function);
            statements.insert(0, report.bind(&metrics.started_at).bind(&now).bind(series));
        }
        let client = OpenConnection(Some(self.connection().await?));
        // On a timeout, dropping the client closes the connection, whose state is unknown.
        let Ok(responses) = tokio::time::timeout(ROUND_TRIP_LIMIT, client.send_all(&statements)).await else {
            return Err(DbError::Lost);
        };
        self.metrics.round_trip();
        match responses {
            Ok(mut rows) => {
                client.release();
                drop(rows.drain(..usize::from(report.is_some())));
                Ok(rows)
            }
            Err(error) => {
                let error = DbError::from(error);
                if !matches!(error, DbError::Lost) {
                    client.release();
                }
                Err(error)
            }
        }
    }

    /// Runs one statement in one round trip, without an explicit transaction.
    ///
    /// # Errors
    /// The statement's error, or [`DbError::Lost`] as for [`Datastore::transact`].
    pub async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, DbError> {
        let client = OpenConnection(Some(self.connection().await?));
        let Ok(response) = tokio::time::timeout(ROUND_TRIP_LIMIT, client.query(statement)).await else {
            return Err(DbError::Lost);
        };
        self.metrics.round_trip();
        let response = response.map_err(DbError::from);
        if !matches!(response, Err(DbError::Lost)) {
            client.release();
        }
        response
    }

    /// Checks that the database responds now and that this build supports its schema. One round trip.
    ///
    /// # Errors
    /// The database does not respond, or the schema's version is not supported.
    pub async fn ready(&self) -> Result<(), DbError> {
        connection::check_version(self.start().await?.schema_version).map_err(DbError::Unreachable)
    }

    /// Reads again what each new connection reads first. One round trip.
    ///
    /// # Errors
    /// The database does not respond.
    pub async fn start(&self) -> Result<Start, DbError> {
        let rows = self.query(&connection::START.into()).await?;
        Ok(Start::from_row(rows.first().ok_or(DbError::Lost)?)?)
    }

    async fn connection(&self) -> Result<Object, DbError> {
        // Lets the connection's task see a close that arrived while this instance was frozen or idle, so that the pool
        // replaces the connection before anything is sent on it.
        tokio::task::yield_now().await;
        let Some(pool) = &self.pool else {
            return Err(DbError::Unreachable("this function has no database".to_owned()));
        };
        let status = pool.status();
        let busy = status.available == 0 && status.size >= status.max_size;
        let waiting_since = Instant::now();
        let connection = pool.get().await;
        if busy {
            self.metrics.pool_wait(waiting_since.elapsed());
        }
        connection.map_err(|error| match error {
            PoolError::Timeout(_) => DbError::Busy,
            error => DbError::Unreachable(connection::cause(&error)),
        })
    }
}

/// A connection with statements under way. Dropped before all responses are received (a cancelled request, a timeout), it
/// is closed instead of returned to the pool: the next request must not read this one's responses.
struct OpenConnection(Option<Object>);

impl OpenConnection {
    async fn send_all(&self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
        let Some(client) = &self.0 else { return Ok(Vec::new()) };
        // Each future sends its message when first polled, and join_all polls in order.
        let preparing = PreparedStatements::start(client, statements);
        let begin = client.batch_execute("BEGIN");
        let work = join_all(statements.iter().map(|statement| preparing.send(statement)));
        let commit = client.batch_execute("COMMIT");
        let ((), begin, work, commit) = tokio::join!(biased; preparing.finish(), begin, work, commit);
        begin?;
        // In a pipeline, COMMIT after a failed statement succeeds (as a ROLLBACK), so each response is checked.
        let mut rows = Vec::with_capacity(work.len());
        for response in work {
            rows.push(response?);
        }
        commit?;
        Ok(rows)
    }

    async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
        let Some(client) = &self.0 else { return Ok(Vec::new()) };
        let preparing = PreparedStatements::start(client, std::slice::from_ref(statement));
        tokio::join!(biased; preparing.finish(), preparing.send(statement)).1
    }

    /// Returns the connection to the pool: all responses are received.
    fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
