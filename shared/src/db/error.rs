//! What can go wrong with the database, and which problem the caller sees for it.

use tokio_postgres::error::SqlState;

use crate::problem::{Code, Problem};

/// A flight that failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be opened; nothing was sent.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The instance's connection was in use for too long; nothing was sent.
    #[error("the connection stayed busy")]
    Busy,
    /// The connection broke, or its answer took too long, after something was sent: the outcome is unknown.
    #[error("the connection was lost in mid-flight")]
    Lost,
    /// The database refused; nothing was committed.
    #[error("the database refused: {0}")]
    Refused(Box<tokio_postgres::error::DbError>),
    /// An answer could not be read as what the code expects.
    #[error("unexpected answer: {0}")]
    Unexpected(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) if is_shutdown(refusal.code()) || is_outdated(refusal) => Self::Lost,
            Some(refusal) => Self::Refused(Box::new(refusal.clone())),
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

/// A migration has changed what a prepared statement returns. The next connection prepares it anew.
fn is_outdated(refusal: &tokio_postgres::error::DbError) -> bool {
    *refusal.code() == SqlState::FEATURE_NOT_SUPPORTED && refusal.routine() == Some("RevalidateCachedQuery")
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
            DbError::Refused(refusal) => {
                let code = refusal.code();
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
