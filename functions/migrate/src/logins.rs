//! Login secrets for the database roles that the migrations made.

use std::collections::BTreeMap;

use holdfast_shared::aws::{self, Stage};
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;

use crate::error::MigrateError;

/// The role of the auth, accounts, admin and health functions.
pub const APP_ROLE: &str = "holdfast_app";
/// The role of the metrics function.
pub const METRICS_ROLE: &str = "holdfast_metrics";
/// The role of the backup function.
pub const BACKUP_ROLE: &str = "holdfast_backup";
/// The role of the maintenance function.
pub const MAINTENANCE_ROLE: &str = "holdfast_maintenance";

/// A shorter login secret could be guessed.
pub(crate) const LEAST_PASSWORD_BYTES: usize = 20;

/// The setting, in a function's own secret, that its role logs in with.
const PASSWORD: &str = "DATABASE_PASSWORD";

const CAN_LOG_IN: &str = "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1";

/// A role and the secret that it logs in with.
#[derive(Debug, Clone)]
pub struct Login {
    /// One of the roles that the migrations make.
    pub role: &'static str,
    /// Its secret.
    pub password: Password,
}

/// Where a role's login secret comes from.
#[derive(Debug, Clone)]
pub enum Password {
    /// The settings: each run gives it to the role.
    Given(SecretString),
    /// The Secrets Manager secret that its function reads, by ARN. Rotations change it there and in the database; so it is
    /// given to the role only where that cannot log in yet, or where a run is told to.
    Kept(String),
}

/// Lets the roles log in. The server gets a SCRAM-SHA-256 verifier (RFC 5803), so that no log or statistics view of it
/// can show the secret.
pub(crate) async fn give(owner: &Client, logins: &[Login], reset: bool) -> Result<Vec<&'static str>, MigrateError> {
    let mut given = Vec::with_capacity(logins.len());
    for Login { role, password } in logins {
        let password = match password {
            Password::Given(password) => password.clone(),
            Password::Kept(_) if !reset && can_log_in(owner, role).await? => continue,
            Password::Kept(arn) => kept(arn).await.map_err(|cause| MigrateError::Secret { role, cause })?,
        };
        owner
            .batch_execute(&alter_role(role, &password))
            .await
            .map_err(|error| MigrateError::Login { role, cause: holdfast_shared::db::cause(&error) })?;
        given.push(*role);
    }
    Ok(given)
}

async fn can_log_in(owner: &Client, role: &str) -> Result<bool, MigrateError> {
    let row = owner.query_opt(CAN_LOG_IN, &[&role]).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get(0))?)
}

/// The password in a function's secret.
async fn kept(arn: &str) -> Result<SecretString, String> {
    let secret = aws::secret(arn, Stage::Current).await.map_err(|error| error.to_string())?;
    let mut values: BTreeMap<String, SecretString> =
        serde_json::from_str(secret.expose_secret()).map_err(|_| "it is not a JSON object of strings".to_owned())?;
    let password = values.remove(PASSWORD).ok_or_else(|| format!("it has no {PASSWORD}"))?;
    if password.expose_secret().len() < LEAST_PASSWORD_BYTES {
        return Err(format!("its {PASSWORD} is shorter than {LEAST_PASSWORD_BYTES} bytes"));
    }
    Ok(password)
}

/// `ALTER ROLE` takes no parameters. The role is a constant, and a verifier holds no character that needs escaping.
fn alter_role(role: &'static str, password: &SecretString) -> String {
    format!("ALTER ROLE {role} LOGIN PASSWORD '{}'", scram_sha_256(password.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_itself_is_never_sent() {
        let statement = alter_role(APP_ROLE, &SecretString::from("it's a secret; DROP TABLE users"));
        let verifier = statement.strip_prefix("ALTER ROLE holdfast_app LOGIN PASSWORD 'SCRAM-SHA-256$4096:").unwrap();
        let verifier = verifier.strip_suffix('\'').unwrap();
        assert!(
            verifier.chars().all(|letter| letter.is_ascii_alphanumeric() || "+/=$:".contains(letter)),
            "{verifier}"
        );
    }
}
