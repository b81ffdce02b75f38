//! The database: one connection an instance, and every request one transaction in one network flight.

mod connection;
mod error;
mod login;
mod owner;
pub mod param;
mod prepare;
mod row;
mod statement;

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::join_all;
use jiff::Timestamp;

use prepare::PreparedStatements;

pub(crate) use connection::client_config;
pub use connection::{ConnectError, cause};
pub use error::DbError;
pub use owner::{OwnerError, connect_backup, connect_maintenance, connect_owner};
pub use row::{FromRow, Row, RowError, rows_of};
pub use statement::{Sql, Statement};

use crate::config::Config;
use crate::identity::keys::KeyRing;
use crate::telemetry::metrics::{Metrics, Report};

/// How long one flight may take, statements and network together, before its connection is given up.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(10);

/// The schema versions that this build serves: the newest, and the one before it, so that a rollout has no gap.
pub const SCHEMA_VERSIONS: std::ops::RangeInclusive<i32> = 5..=6;

/// The way to the database. Cheap to clone.
#[derive(Clone)]
pub struct Datastore {
    pool: Pool,
    keys: Arc<KeyRing>,
    metrics: Arc<Metrics>,
}

/// Stores this instance's counters.
const REPORT: &str = "SELECT report_metrics($1, $2, $3, $4, $5, $6)";

impl Datastore {
    /// Prepares the pool; nothing is connected yet.
    pub fn new(config: &Config, keys: Arc<KeyRing>, metrics: Arc<Metrics>) -> Result<Self, ConnectError> {
        Ok(Self { pool: connection::pool(config, Arc::clone(&keys))?, keys, metrics })
    }

    /// Opens a connection if there is none, and checks that the schema is one that this build serves.
    pub async fn connect(&self) -> Result<(), DbError> {
        self.connection().await.map(drop)
    }

    /// Runs statements as one transaction in one flight: `BEGIN`, the statements in order, `COMMIT`, all sent before
    /// the first answer is awaited. The rows of each statement come back in its place.
    ///
    /// # Errors
    /// The first statement's error, where one failed: then nothing was committed. [`DbError::Lost`] where the
    /// connection broke or the flight took longer than 10 s: then the outcome is unknown.
    pub async fn transact(&self, mut statements: Vec<Statement<'_>>, now: Timestamp) -> Result<Vec<Vec<Row>>, DbError> {
        let metrics = &self.metrics;
        // Counters go along with a flight that is made anyway.
        let report = metrics.due(now);
        if let Some(Report { epoch, series }) = &report {
            let report = Statement::new(REPORT).bind(&metrics.instance).bind(epoch).bind(&metrics.function);
            statements.insert(0, report.bind(&metrics.started_at).bind(&now).bind(series));
        }
        let client = OpenConnection(Some(self.connection().await?));
        // Out of time: dropping the client closes the connection, since nobody knows what state it is in.
        let Ok(answers) = tokio::time::timeout(ROUND_TRIP_LIMIT, client.send_all(&statements)).await else {
            return Err(DbError::Lost);
        };
        self.metrics.round_trip();
        match answers {
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

    /// Runs one statement by itself, without the words of a transaction around it.
    pub async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, DbError> {
        let client = OpenConnection(Some(self.connection().await?));
        let Ok(answer) = tokio::time::timeout(ROUND_TRIP_LIMIT, client.query(statement)).await else {
            return Err(DbError::Lost);
        };
        self.metrics.round_trip();
        let answer = answer.map_err(DbError::from);
        if !matches!(answer, Err(DbError::Lost)) {
            client.release();
        }
        answer
    }

    /// Asks the database now whether it answers and has a schema that this build serves. One flight.
    pub async fn ready(&self) -> Result<(), DbError> {
        let rows = self.query(&Statement::prepared(connection::START)).await?;
        let version = rows.first().ok_or(DbError::Lost)?.try_get(0)?;
        connection::serves(version).map_err(DbError::Unreachable)
    }

    /// Loads the public keys again for a token whose key is not known here, at most once in ten seconds: a caller who
    /// makes names up must not make work. Says whether it loaded any.
    ///
    /// # Errors
    /// No connection has brought any key yet, and none can be opened.
    pub async fn learn_keys(&self, now: Timestamp) -> Result<bool, DbError> {
        if !self.keys.is_loaded() {
            self.connect().await?;
        } else if self.keys.may_reload(now) {
            let rows = self.query(&Statement::prepared(connection::START)).await?;
            let row = rows.first().ok_or(DbError::Lost)?;
            self.keys.load(row.try_get(1)?, row.try_get(2)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    async fn connection(&self) -> Result<Object, DbError> {
        // Lets the connection's task hear of a close that arrived while this instance was frozen or idle, so that
        // the pool replaces the connection before anything is sent on it.
        tokio::task::yield_now().await;
        let pool = self.pool.status();
        let busy = pool.available == 0 && pool.size >= pool.max_size;
        let asked = Instant::now();
        let connection = self.pool.get().await;
        if busy {
            self.metrics.pool_wait(asked.elapsed());
        }
        connection.map_err(|error| match error {
            PoolError::Timeout(_) => DbError::Busy,
            error => DbError::Unreachable(connection::cause(&error)),
        })
    }
}

/// A connection with statements on their way. Dropped before they have all been answered (a cancelled request, a
/// timeout), it is closed rather than given back: the next request must not read this one's answers.
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
        // In a pipeline, COMMIT after a failed statement answers without an error (it was a ROLLBACK): each answer counts.
        let mut rows = Vec::with_capacity(work.len());
        for answer in work {
            rows.push(answer?);
        }
        commit?;
        Ok(rows)
    }

    async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
        let Some(client) = &self.0 else { return Ok(Vec::new()) };
        let preparing = PreparedStatements::start(client, std::slice::from_ref(statement));
        tokio::join!(biased; preparing.finish(), preparing.send(statement)).1
    }

    /// All was answered: the connection is good for the next request.
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
