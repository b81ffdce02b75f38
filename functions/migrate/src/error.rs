//! Failures of a run. Each message is one line with the cause and the fix. It goes to the deployment's log, never to a
//! caller of the API.

use std::time::Duration;

use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::identity::signer::SignError;

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A setting is missing or weak.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The signing key cannot be read.
    #[error(
        "the signing key cannot be used ({0}); check SIGNING_KMS_KEY_ID and that this function may kms:GetPublicKey"
    )]
    SigningKey(#[from] SignError),
    /// The tenant of a token does not exist.
    #[error("API_TOKENS: there is no tenant {0}; create it first (AUTH_USERS, or `holdfast admin tenant create`)")]
    NoTenant(String),
    /// The database cannot be connected to.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// Another run holds the lock.
    #[error(
        "another migration still runs after {}s; wait for it, or end its session if it hangs \
         (pg_stat_activity, application_name holdfast)", .0.as_secs()
    )]
    Busy(Duration),
    /// The database was migrated by a newer build.
    #[error(
        "the schema is at version {found}, this build knows {known}; deploy the newer build, migrations only go forward"
    )]
    Newer {
        /// Version of the schema.
        found: i32,
        /// Newest version that this build has.
        known: i32,
    },
    /// An applied step is missing in this build, or has another text there.
    #[error("{0}; restore that file as it was released and put the change into a new one")]
    Changed(String),
    /// A major step lacks a recent backup.
    #[error(
        "{step} is a major step ({why}) and needs a backup younger than {limit} h, the newest is {}; \
         create one (`POST /admin/backups`, `holdfast admin backup`), or name the snapshot that you took \
         (other_backup, `holdfast admin migrate --other-backup`)",
        .age.map_or("none".to_owned(), |age| format!("{age} h old"))
    )]
    NoBackup {
        /// Name of the step.
        step: String,
        /// Reason why it is major.
        why: String,
        /// Age of the newest backup, in hours; `None` without a backup.
        age: Option<i64>,
        /// Maximum age, in hours.
        limit: i64,
    },
    /// A step failed.
    #[error("{0}; the step was rolled back: fix the cause and run again")]
    Step(String),
    /// The login secret or the limits of a role cannot be set.
    #[error("the login of role {role} cannot be set up ({cause}); run as the role with CREATEROLE that created it")]
    Login {
        /// Name of the role.
        role: &'static str,
        /// Message of the database.
        cause: String,
    },
    /// The login secret of a role cannot be read.
    #[error(
        "the login secret of role {role} cannot be read from its function's secret ({cause}); check its ARN and that \
         this function may secretsmanager:GetSecretValue"
    )]
    Secret {
        /// Name of the role.
        role: &'static str,
        /// Fault of the secret.
        cause: String,
    },
    /// The database rejected a bootstrap user.
    #[error("AUTH_USERS: the database rejects an entry ({0}); check its tenant (a-z, 0-9, -), username and role")]
    User(String),
    /// The database failed outside a step.
    #[error("the database failed ({0}); nothing more was changed: run again")]
    Database(String),
}

impl From<tokio_postgres::Error> for MigrateError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(holdfast_shared::db::cause(&error))
    }
}
