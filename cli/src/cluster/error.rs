//! Errors of the cluster: one line each, which names the fix.

use std::io;
use std::path::{Path, PathBuf};

/// Oldest supported major version: the first with SQL-standard function bodies, which the migrations use.
pub(super) const OLDEST_VERSION: u32 = 14;

/// A cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No suitable server program was found.
    #[error(
        "no PostgreSQL server was found{0}; install PostgreSQL {OLDEST_VERSION} or newer (Debian and Ubuntu: apt \
         install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql), or set DATABASE_URL"
    )]
    NoServer(String),
    /// The folder was created by a version that is not installed.
    #[error(
        "{} was created by PostgreSQL {created_by}, which is not installed; install it, or move the folder away to \
         start again", folder.display()
    )]
    OtherVersion {
        /// Folder of the cluster.
        folder: PathBuf,
        /// Major version that created it.
        created_by: u32,
    },
    /// The folder contains an incomplete cluster.
    #[error(
        "{} is not a complete PostgreSQL cluster ({missing} is missing or unreadable); restore it, or move it away to \
         start again", folder.display()
    )]
    Incomplete {
        /// Folder of the cluster.
        folder: PathBuf,
        /// Missing file.
        missing: &'static str,
    },
    /// The process is root, and there is no other user to run the server as.
    #[error("PostgreSQL does not run as root, and there is no user postgres or nobody; run holdfast as another user")]
    NoUser,
    /// A file system operation failed.
    #[error("{what} {}: {cause}; check its owner and permissions, and the space left", path.display())]
    Io {
        /// Operation.
        what: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Error of the operating system.
        cause: io::Error,
    },
    /// `initdb` failed.
    #[error("a PostgreSQL cluster cannot be created: {0}; fix that and start again")]
    Initdb(String),
    /// The server ended before it was ready.
    #[error("PostgreSQL did not start: {reason}; its log is {}", log.display())]
    Died {
        /// Last error in its log.
        reason: String,
        /// Path of its log.
        log: PathBuf,
    },
    /// An orphaned server does not stop.
    #[error("PostgreSQL (process {0}) of an earlier run does not stop; end it, and start again")]
    Unstoppable(i32),
    /// The server returned an error.
    #[error("the local PostgreSQL reports: {0}; see postgres/server.log in the data folder")]
    Database(String),
    /// The program is shutting down.
    #[error("interrupted; start again")]
    Interrupted,
}

impl ClusterError {
    /// Returns a conversion for `map_err` on the file system's errors.
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
