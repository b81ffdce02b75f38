//! Errors of the database, and the problem that each becomes.

use tokio_postgres::error::SqlState;

use crate::problem::{Code, Problem};

/// A failed round trip.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be opened; nothing was sent.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// No connection became free in time; nothing was sent.
    #[error("no connection became free in time")]
    Busy,
    /// The connection broke, or the response took too long, after something was sent: the outcome is unknown.
    #[error("the connection was lost while statements were under way")]
    Lost,
    /// The database rejected a statement; nothing was committed.
    #[error("the database rejected a statement: {0}")]
    Rejected(Box<tokio_postgres::error::DbError>),
    /// A response does not have the form that the code expects.
    #[error("unexpected response: {0}")]
    Unexpected(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(rejection) if is_shutdown(rejection.code()) || is_outdated(rejection) => Self::Lost,
            Some(rejection) => Self::Rejected(Box::new(rejection.clone())),
            None if error.is_closed()
                || std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>) =>
            {
                Self::Lost
            }
            None => Self::Unexpected(error),
        }
    }
}

fn is_shutdown(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW, SqlState::IDLE_SESSION_TIMEOUT]
        .contains(code)
}

/// Returns whether a migration has changed the columns of a prepared statement. The next connection prepares it again.
fn is_outdated(rejection: &tokio_postgres::error::DbError) -> bool {
    *rejection.code() == SqlState::FEATURE_NOT_SUPPORTED && rejection.routine() == Some("RevalidateCachedQuery")
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Self::from(&error)
    }
}

impl From<&DbError> for Problem {
    fn from(error: &DbError) -> Self {
        let problem = match error {
            DbError::Unreachable(_) | DbError::Busy | DbError::Lost => Self::unavailable(),
            DbError::Unexpected(_) => Self::internal(),
            DbError::Rejected(rejection) => {
                let code = rejection.code();
                if *code == SqlState::UNIQUE_VIOLATION {
                    return Self::of(Code::Conflict);
                }
                let transient = [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::LOCK_NOT_AVAILABLE,
                    SqlState::QUERY_CANCELED,
                ];
                // Class 53: out of disk, memory or connections.
                if transient.contains(code) || code.code().starts_with("53") {
                    Self::unavailable()
                } else {
                    Self::internal()
                }
            }
        };
        tracing::error!(%error, "database");
        problem
    }
}
