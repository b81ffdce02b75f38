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
    /// The database has other tables than this build: rows of theirs would be lost.
    #[error("the database's tables are not those of this build ({0}); migrate, or use the build that runs there")]
    Schema(String),
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
    /// Nothing that counts says that the manifest is one of a backup of this deployment.
    #[error("ALARM: {key} is not a backup of this deployment: {cause}; nothing was restored")]
    Unsigned {
        /// The manifest.
        key: String,
        /// The fault.
        cause: String,
    },
    /// The archive is not the one that was written.
    #[error("ALARM: {key} was altered or cut: its SHA-256 is not the manifest's; nothing was restored")]
    Altered {
        /// The archive.
        key: String,
    },
    /// The archive has another entry than its manifest says.
    #[error("ALARM: the archive is not what its manifest describes, at {at}: {cause}; nothing was restored")]
    Archive {
        /// The table.
        at: String,
        /// The fault.
        cause: String,
    },
    /// The newest recorded backup is not in the store as it was written.
    #[error("ALARM: {key} is recorded as the newest backup, and the store has {found}")]
    Replaced {
        /// The archive.
        key: String,
        /// What the store has instead.
        found: String,
    },
    /// The archive has other tables than this build.
    #[error(
        "the backup has schema version {version} of Holdfast {holdfast}, this build has {known} ({difference}); restore it \
         with that release, then migrate with this one; nothing was restored"
    )]
    OtherSchema {
        /// Version of the schema in the archive.
        version: i32,
        /// Version of Holdfast that wrote the archive.
        holdfast: String,
        /// Version of the schema of this build.
        known: i32,
        /// The first difference.
        difference: String,
    },
    /// The key of backups is unusable.
    #[error(
        "the key of backups cannot be used ({0}); check BACKUP_SIGNING_KMS_KEY_ID and that this function may \
         kms:GetPublicKey"
    )]
    SigningKey(String),
    /// The key of backups did not sign.
    #[error("the backup was not signed ({0}); check that this function may kms:Sign with BACKUP_SIGNING_KMS_KEY_ID")]
    Sign(String),
    /// The drill would restore to the server that is backed up.
    #[error(
        "DRILL_DATABASE_URL leads to the server of DATABASE_URL, or to a copy of it; drill on a server of its own \
         (docs/backups.md)"
    )]
    SameServer,
    /// The login of a restore has more power than it needs.
    #[error("the login of a restore is a superuser; use the role that shall own the schema, such as holdfast_owner")]
    Superuser,
    /// The schema could not be created.
    #[error("the schema to restore into cannot be created ({0})")]
    Migrate(#[from] holdfast_migrate::MigrateError),
    /// Rows could not be loaded. The error of the database could show them.
    #[error("the rows of {table} cannot be loaded (SQLSTATE {code}); nothing was restored")]
    Load {
        /// The table.
        table: String,
        /// SQLSTATE of the error.
        code: String,
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

    /// An archive that is not what its manifest describes.
    pub(crate) fn archive(at: &str, cause: &(impl ToString + ?Sized)) -> Self {
        Self::Archive { at: at.to_owned(), cause: cause.to_string() }
    }

    /// Rows that cannot be loaded.
    pub(crate) fn load(table: &str, error: &tokio_postgres::Error) -> Self {
        let code =
            error.code().map_or_else(|| "none, the connection was lost".to_owned(), |code| code.code().to_owned());
        Self::Load { table: table.to_owned(), code }
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
