//! Login secrets for the database roles that the migrations made.

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

/// A role and the secret that it logs in with.
#[derive(Debug, Clone)]
pub struct Login {
    /// One of the roles that the migrations make.
    pub role: &'static str,
    /// Its secret.
    pub password: SecretString,
}

/// Lets the roles log in. The server gets a SCRAM-SHA-256 verifier (RFC 5803), so that no log or statistics view of it
/// can show the secret.
pub(crate) async fn give(owner: &Client, logins: &[Login]) -> Result<Vec<&'static str>, MigrateError> {
    let mut given = Vec::with_capacity(logins.len());
    for Login { role, password } in logins {
        owner
            .batch_execute(&alter_role(role, password))
            .await
            .map_err(|error| MigrateError::Login { role, cause: shared::db::cause(&error) })?;
        given.push(*role);
    }
    Ok(given)
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
