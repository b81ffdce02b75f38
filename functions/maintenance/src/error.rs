//! Errors of a run or a task: one line each, for the log and the on-call engineer.

use holdfast_shared::audit::{Hash, InvalidSeal};
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
    /// The login may not act as the role that reads everything.
    #[error("the login in DATABASE_URL cannot act as holdfast_backup ({0}); use that role's login, or the owner's")]
    Verifier(String),
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
    /// A store of seals cannot be read. Without its memory, the sealer does nothing.
    #[error("{location} cannot be read ({cause}); nothing is sealed before it can")]
    Read {
        /// Bucket and object, or file.
        location: String,
        /// Error of the store.
        cause: String,
    },
    /// Another seal is stored in the place of one in the database.
    #[error(
        "ALARM: {location} has another seal than the database; the stored one counts (see the runbook audit-tampered)"
    )]
    StoredOtherwise {
        /// Bucket and object, or file.
        location: String,
    },
    /// A seal that was stored is gone.
    #[error("ALARM: {location} is missing, but the database says that it was stored (see the runbook audit-tampered)")]
    NotInStore {
        /// Bucket and object, or file.
        location: String,
    },
    /// Seals were stored that the database does not have.
    #[error(
        "ALARM: the database lacks {location} and what follows, up to seal {newest} ({hash}): it was rewritten, or an old \
         backup was restored; for a restore, follow the runbook restore"
    )]
    DatabaseBehind {
        /// The first stored seal that the database lacks.
        location: String,
        /// Number of the newest stored seal.
        newest: u64,
        /// Digest of that seal, for `AUDIT_RESTORED_OVER`.
        hash: Hash,
    },
    /// A restore is to be recorded, but no epoch was begun.
    #[error("AUDIT_RESTORED_OVER is set, but the database is in its old epoch; call begin_audit_epoch() as its owner")]
    NoNewEpoch,
    /// The newest seals do not follow each other.
    #[error("ALARM: seal {0} in the database does not follow the one before it; compare with the stored seals")]
    ChainChanged(i64),
    /// Too many seals are not stored.
    #[error("ALARM: more than {0} seals are not recorded as stored; check the table audit_deliveries and the store")]
    NotDelivered(usize),
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

impl TaskError {
    /// Returns whether it says that somebody altered the audit log, its seals or their stores.
    pub(crate) fn is_tampering(&self) -> bool {
        match self {
            Self::StoredOtherwise { .. }
            | Self::NotInStore { .. }
            | Self::DatabaseBehind { .. }
            | Self::ChainChanged(_)
            | Self::NotDelivered(_)
            | Self::InvalidSeal(_)
            | Self::BatchesChanged
            | Self::WentBack { .. } => true,
            Self::Busy
            | Self::Database(_)
            | Self::Kms(_)
            | Self::Sign
            | Self::Store { .. }
            | Self::Read { .. }
            | Self::NoNewEpoch
            | Self::NoVaultKey
            | Self::Vault(_)
            | Self::DoNotOpen(_)
            | Self::Drift { .. } => false,
        }
    }
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
