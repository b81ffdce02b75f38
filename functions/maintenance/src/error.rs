//! Errors of a run or a task: one line each, for the log and the on-call engineer.

use holdfast_shared::audit::InvalidSeal;
use holdfast_shared::aws::AwsError;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::vault::VaultError;

/// A run failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// A setting is missing or weak.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The vault's key is unusable.
    #[error("the vault's key cannot be used ({0}); check VAULT_KMS_KEY_ID and SECRET_ENCRYPTION_KEY")]
    Vault(#[from] VaultError),
    /// The database is unreachable.
    #[error(transparent)]
    Database(#[from] OwnerError),
    /// The login may not act as the maintenance role.
    #[error(
        "the login in DATABASE_URL cannot act as holdfast_maintenance ({0}); use that role's login, or the owner's"
    )]
    Role(String),
    /// Tasks failed.
    #[error("{0}")]
    Tasks(String),
    /// The audit key is unusable.
    #[error("the audit key cannot be used ({0}); check AUDIT_KMS_KEY_ID and that this function may kms:GetPublicKey")]
    AuditKey(String),
}

/// A task failed. Nothing is lost: the next run continues where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Another run of the task is in progress.
    #[error("another run is in progress")]
    Busy,
    /// The database failed.
    #[error("the database failed ({0})")]
    Database(String),
    /// KMS did not sign.
    #[error("KMS did not sign ({0}); check that this function may kms:Sign with the audit key")]
    Kms(#[from] AwsError),
    /// The audit key did not sign.
    #[error("the audit key did not sign")]
    Sign,
    /// A seal could not be stored.
    #[error("a seal cannot be stored in {location} ({cause}); the next run stores it")]
    Store {
        /// Bucket and object, or file.
        location: String,
        /// Error of the store.
        cause: String,
    },
    /// The newest seal is not genuine.
    #[error("ALARM: the newest seal in the database is not genuine: {0}; compare with the stored seals")]
    InvalidSeal(#[from] InvalidSeal),
    /// The batches differ from the sealed ones.
    #[error("ALARM: the batches in the database do not add up to the newest seal; compare with the stored seals")]
    BatchesChanged,
    /// Values are sealed under retired data keys, and no configured key opens them.
    #[error("no vault key is set; set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY as for the accounts function")]
    NoVaultKey,
    /// The vault failed for more than one value.
    #[error("the vault failed ({0})")]
    Vault(VaultError),
    /// Sealed values were altered.
    #[error("ALARM: {0} sealed values do not open and stay under their retired key; the log names them")]
    DoNotOpen(u64),
    /// The schema was changed without a migration.
    #[error("ALARM: {count} objects of the schema differ from the migrations, such as: {first}")]
    Drift {
        /// Number of differences.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Transaction numbers started over.
    #[error(
        "ALARM: transactions go back (now {now}, sealed to {sealed}); if this database was restored to a new cluster, call \
         begin_audit_epoch() as its owner"
    )]
    WentBack {
        /// The horizon, as epoch and transaction.
        now: String,
        /// The newest seal's end.
        sealed: String,
    },
}

impl From<VaultError> for TaskError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<tokio_postgres::Error> for TaskError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(holdfast_shared::db::cause(&error))
    }
}
