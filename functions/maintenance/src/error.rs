//! Why a run or a task failed: one line, for the log and whoever is called by the alarm.

use holdfast_shared::audit::NotGenuine;
use holdfast_shared::aws::AwsError;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::vault::VaultError;

/// No task could be begun.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// A setting is missing or weak.
    #[error(transparent)]
    Refused(#[from] ConfigError),
    /// The vault's key cannot be used.
    #[error("the vault's key cannot be used ({0}); check VAULT_KMS_KEY_ID and SECRET_ENCRYPTION_KEY")]
    Vault(#[from] VaultError),
    /// There is no connection.
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
    /// The audit key cannot be used.
    #[error("the audit key cannot be used ({0}); check AUDIT_KMS_KEY_ID and that this function may kms:GetPublicKey")]
    Key(String),
}

/// A task failed. Nothing is lost: the next run takes up where it left off.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Another run is at it.
    #[error("another run is at it")]
    Busy,
    /// The database failed.
    #[error("the database failed ({0})")]
    Database(String),
    /// KMS did not sign.
    #[error("KMS did not sign ({0}); check that this function may kms:Sign with the audit key")]
    Kms(#[from] AwsError),
    /// The key file did not sign.
    #[error("the audit key did not sign")]
    Sign,
    /// A seal could not be stored.
    #[error("a seal cannot be stored in {place} ({cause}); it is sent again by the next run")]
    Store {
        /// Where.
        place: String,
        /// What was said.
        cause: String,
    },
    /// The newest seal is not genuine.
    #[error("ALARM: the newest seal in the database is not genuine: {0}; compare with the stored seals")]
    NotGenuine(#[from] NotGenuine),
    /// The batches are not those that were sealed.
    #[error("ALARM: the batches in the database do not add up to the newest seal; compare with the stored seals")]
    BatchesChanged,
    /// Retired data keys have values under them, and nothing is configured that opens them.
    #[error("no vault key is set; set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY as for the accounts function")]
    NoVaultKey,
    /// The vault failed for more than one value.
    #[error("the vault failed ({0})")]
    Vault(VaultError),
    /// Sealed values were altered.
    #[error("ALARM: {0} sealed values do not open and stay under their retired key; the log names them")]
    DoNotOpen(u64),
    /// Somebody changed the schema.
    #[error("ALARM: {count} objects of the schema are not as the migrations make them, such as: {first}")]
    Drift {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Transaction numbers began anew.
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
