//! Errors of a run: one line that names the fault and the fix. It goes to the log and to the run's row, and contains no
//! secret and no row of a table.

use holdfast_shared::aws::AwsError;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::vault::VaultError;

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A setting is missing or weak.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database is unreachable.
    #[error(transparent)]
    Connect(#[from] OwnerError),
    /// The URL is invalid or incomplete.
    #[error("{0}")]
    Url(&'static str),
    /// The login may not act as the role.
    #[error("the login cannot act as {role} ({cause}); use that role's login, or one that was granted it")]
    Role {
        /// The role.
        role: String,
        /// Error of the database.
        cause: String,
    },
    /// The database failed.
    #[error("the database failed ({0})")]
    Database(String),
    /// A program of PostgreSQL is missing, or too old.
    #[error(
        "{program} of PostgreSQL {wanted} or newer is needed, {}; install postgresql-client-{wanted}, or in Lambda a newer layer",
        found.map_or_else(|| "and there is none on PATH, in /opt/bin or in the usual folders".to_owned(), |found| format!("and there is only {found}"))
    )]
    NoProgram {
        /// The program.
        program: &'static str,
        /// The lowest usable major version.
        wanted: u32,
        /// The newest that was found.
        found: Option<u32>,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed ({cause})")]
    Program {
        /// The program.
        program: &'static str,
        /// Error message of the program.
        cause: String,
    },
    /// The backup role does not see every row, so a backup would be incomplete.
    #[error("holdfast_backup does not see every row of {0}; grant it SELECT and a policy USING (true)")]
    Hidden(String),
    /// The store failed.
    #[error("{location} failed ({cause})")]
    Store {
        /// The bucket or folder, and the object.
        location: String,
        /// Error of the store.
        cause: String,
    },
    /// The store has no backup.
    #[error("there is no backup in {0}")]
    NoBackup(String),
    /// A manifest is invalid.
    #[error("{key} is not a valid manifest of a backup ({cause})")]
    Manifest {
        /// The manifest.
        key: String,
        /// The fault.
        cause: String,
    },
    /// The dump is not the one that was written.
    #[error("ALARM: {key} was altered or cut: its SHA-256 is not the manifest's; nothing was restored")]
    Altered {
        /// The dump.
        key: String,
    },
    /// The target database is not empty.
    #[error("the database {0} is not empty; a backup is restored into an empty one only, nothing was changed")]
    NotEmpty(String),
    /// The restored database differs from the one that was backed up.
    #[error("ALARM: the restored database is not the one that was backed up: {0}")]
    Differs(String),
    /// The audit log differs from what was sealed.
    #[error("ALARM: the audit log in the backup is not what was sealed ({0}); compare it with the stored seals")]
    Seals(String),
    /// The public half of the audit key cannot be read.
    #[error(
        "KMS does not return the public audit key ({0}); check AUDIT_KMS_KEY_ID and that drill may kms:GetPublicKey"
    )]
    AuditKey(String),
    /// The canary is missing, or does not open.
    #[error("ALARM: the canary of the backup does not open ({0}); its secrets would not either: find the vault's key")]
    Canary(VaultError),
    /// The vault's provider could not seal.
    #[error("the canary could not be sealed ({0})")]
    Seal(VaultError),
    /// The run exceeded its time limit.
    #[error("out of time; see the operator's guide for databases of this size")]
    OutOfTime,
}

impl BackupError {
    /// A failure of a store.
    pub(crate) fn store(location: impl Into<String>, cause: &(impl ToString + ?Sized)) -> Self {
        Self::Store { location: location.into(), cause: cause.to_string() }
    }

    /// A failure of S3.
    pub(crate) fn s3(location: impl Into<String>, error: impl std::error::Error) -> Self {
        Self::store(location, &AwsError::from_sdk(error))
    }
}

impl From<tokio_postgres::Error> for BackupError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(holdfast_shared::db::cause(&error))
    }
}
