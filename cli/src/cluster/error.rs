//! Why there is no cluster: one line that names the fix.

use std::io;
use std::path::{Path, PathBuf};

/// The oldest PostgreSQL that can run the migrations (functions with SQL-standard bodies).
pub(super) const OLDEST_VERSION: u32 = 14;

/// A cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no server program that would do.
    #[error(
        "no PostgreSQL server was found{0}; install PostgreSQL {OLDEST_VERSION} or newer (Debian and Ubuntu: apt \
         install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql), or set DATABASE_URL"
    )]
    NoServer(String),
    /// The folder was made by a version that is not installed.
    #[error(
        "{} was made by PostgreSQL {made_by}, which is not installed; install it, or move the folder away to start \
         afresh", folder.display()
    )]
    OtherVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that made it.
        made_by: u32,
    },
    /// The folder holds no complete cluster.
    #[error(
        "{} is not a complete PostgreSQL cluster ({missing} is missing or unreadable); restore it, or move it away to \
         start afresh", folder.display()
    )]
    Incomplete {
        /// The cluster's folder.
        folder: PathBuf,
        /// What is not there.
        missing: &'static str,
    },
    /// The process is root, and there is nobody else to be.
    #[error("PostgreSQL does not run as root, and there is no user postgres or nobody; run holdfast as another user")]
    NoUser,
    /// A file or folder cannot be used.
    #[error("{what} {}: {cause}; check its owner and permissions, and the space left", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// `initdb` failed.
    #[error("a PostgreSQL cluster cannot be made: {0}; fix that and start again")]
    Initdb(String),
    /// The server ended before it was ready.
    #[error("PostgreSQL did not start: {reason}; its log is {}", log.display())]
    Died {
        /// The last complaint in its log.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// An orphaned server does not stop.
    #[error("PostgreSQL (process {0}) of an earlier run does not stop; end it, and start again")]
    Unstoppable(i32),
    /// The server refused something.
    #[error("the local PostgreSQL refuses: {0}; see postgres/server.log in the data folder")]
    Database(String),
    /// The program is shutting down.
    #[error("interrupted; start again")]
    Interrupted,
}

impl ClusterError {
    /// For `map_err` on the file system's errors.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { what, path, cause }
    }
}

impl From<tokio_postgres::Error> for ClusterError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(holdfast_shared::db::cause(&error))
    }
}
