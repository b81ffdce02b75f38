//! Why a run failed: one line that says what, and how to fix it. It goes to the deployment's log, never to a caller.

use std::time::Duration;

use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::identity::signer::SignError;

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A setting is missing or weak.
    #[error(transparent)]
    Refused(#[from] ConfigError),
    /// The signing key cannot be read.
    #[error(
        "the signing key cannot be used ({0}); check SIGNING_KMS_KEY_ID and that this function may kms:GetPublicKey"
    )]
    SigningKey(#[from] SignError),
    /// A token's tenant is missing.
    #[error("API_TOKENS: there is no tenant {0}; make it first (AUTH_USERS, or `holdfast tenant create`)")]
    NoTenant(String),
    /// There is no connection.
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
        /// The schema's version.
        found: i32,
        /// The newest that this build has.
        known: i32,
    },
    /// A step that was applied is not the one in this build.
    #[error("{0}; restore that file as it was released and put the change into a new one")]
    Changed(String),
    /// A major step, and no backup to go back to.
    #[error(
        "{step} is a major step ({why}) and needs a backup younger than {most} h, the newest is {}; \
         make one (`POST /admin/backups`, `holdfast backup`), or name the snapshot that you took (other_backup, \
         `holdfast migrate --other-backup`)", .age.map_or("none".to_owned(), |age| format!("{age} h old"))
    )]
    NoBackup {
        /// The step.
        step: String,
        /// What makes it major.
        why: String,
        /// The age of the newest backup, in hours; none where there is no backup.
        age: Option<i64>,
        /// How old it may be, in hours.
        most: i64,
    },
    /// A step failed.
    #[error("{0}; nothing of that step was kept: fix its cause and run again")]
    Step(String),
    /// A role got no login secret.
    #[error("role {role} cannot be given its login secret ({cause}); run as a role with CREATEROLE that made it")]
    Login {
        /// The role.
        role: &'static str,
        /// What the database said.
        cause: String,
    },
    /// A role's secret cannot be read.
    #[error(
        "role {role} cannot be given its login secret: that of its function cannot be read ({cause}); check its ARN and \
         that this function may secretsmanager:GetSecretValue"
    )]
    Secret {
        /// The role.
        role: &'static str,
        /// What is wrong with the secret.
        cause: String,
    },
    /// A bootstrap user is not acceptable.
    #[error("AUTH_USERS: the database refuses an entry ({0}); check its tenant (a-z, 0-9, -), username and role")]
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
