//! Login secrets and limits of the database roles that the migrations create.

use std::collections::BTreeMap;

use holdfast_shared::aws::{self, Stage};
use holdfast_shared::db::{DatabaseLogin, LOGINS};
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Client;

use crate::error::MigrateError;

/// Minimum length of a login secret, in bytes: a shorter one could be guessed.
pub(crate) const MIN_PASSWORD_BYTES: usize = 20;

/// Setting, in a function's own secret, with the password of its role.
const PASSWORD: &str = "DATABASE_PASSWORD";

const CAN_LOG_IN: &str = "SELECT rolcanlogin AS can_log_in FROM pg_roles WHERE rolname = $1";

const SELECT_LIMITS: &str = "SELECT r.rolconnlimit AS connection_limit, coalesce(s.setconfig, '{}') AS settings
      FROM pg_roles r LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0 WHERE r.rolname = $1";

/// A role and its login secret.
#[derive(Debug, Clone)]
pub struct Login {
    /// One of the roles that the migrations create.
    pub role: &'static str,
    /// Source of its login secret.
    pub password: Password,
}

/// Source of a role's login secret.
#[derive(Debug, Clone)]
pub enum Password {
    /// The settings: each run sets it.
    Given(SecretString),
    /// The Secrets Manager secret that its function reads, by ARN. Rotations change it there and in the database, so a
    /// run sets it only where the role cannot log in yet, or with [`Plan::reset_logins`](crate::Plan::reset_logins).
    Kept(String),
}

/// Sets the passwords of the roles and lets them log in. Returns the roles that were changed. The server receives a
/// SCRAM-SHA-256 verifier (RFC 5803), so that none of its logs or statistics views can show the secret.
pub(crate) async fn set_passwords(
    owner: &Client,
    logins: &[Login],
    reset: bool,
) -> Result<Vec<&'static str>, MigrateError> {
    let mut changed = Vec::with_capacity(logins.len());
    for Login { role, password } in logins {
        let password = match password {
            Password::Given(password) => password.clone(),
            Password::Kept(_) if !reset && can_log_in(owner, role).await? => continue,
            Password::Kept(arn) => read_password(arn).await.map_err(|cause| MigrateError::Secret { role, cause })?,
        };
        owner
            .batch_execute(&alter_role(role, &password))
            .await
            .map_err(|error| MigrateError::Login { role, cause: holdfast_shared::db::cause(&error) })?;
        changed.push(*role);
    }
    Ok(changed)
}

/// Sets the limits of every role where they are others. The share of the connections binds a role whatever it does; the
/// timeouts are what its sessions begin with.
pub(crate) async fn set_limits(owner: &Client) -> Result<(), MigrateError> {
    let max_connections: String = owner.query_one("SHOW max_connections", &[]).await?.try_get("max_connections")?;
    let max_connections = max_connections.parse().unwrap_or(u16::MAX);
    for login in &LOGINS {
        let (limit, settings) = (login.connection_limit(max_connections), settings(login));
        let row = owner.query_one(SELECT_LIMITS, &[&login.role]).await?;
        let found: (i32, Vec<String>) = (row.try_get("connection_limit")?, row.try_get("settings")?);
        if found.0 == i32::from(limit)
            && settings.iter().all(|(name, value)| found.1.contains(&format!("{name}={value}")))
        {
            continue;
        }
        let role = login.role;
        let set = settings.map(|(name, value)| format!("ALTER ROLE {role} SET {name} = '{value}'")).join("; ");
        owner
            .batch_execute(&format!("ALTER ROLE {role} CONNECTION LIMIT {limit}; {set}"))
            .await
            .map_err(|error| MigrateError::Login { role, cause: holdfast_shared::db::cause(&error) })?;
    }
    Ok(())
}

/// The settings that a role's sessions begin with.
fn settings(login: &DatabaseLogin) -> [(&'static str, &'static str); 2] {
    [
        ("statement_timeout", login.statement_timeout),
        ("idle_in_transaction_session_timeout", login.idle_in_transaction_timeout),
    ]
}

async fn can_log_in(owner: &Client, role: &str) -> Result<bool, MigrateError> {
    let row = owner.query_opt(CAN_LOG_IN, &[&role]).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get("can_log_in"))?)
}

/// Reads the password in a function's secret.
async fn read_password(arn: &str) -> Result<SecretString, String> {
    let secret = aws::secret(arn, Stage::Current).await.map_err(|error| error.to_string())?;
    let mut values: BTreeMap<String, SecretString> =
        serde_json::from_str(secret.expose_secret()).map_err(|_| "it is not a JSON object of strings".to_owned())?;
    let password = values.remove(PASSWORD).ok_or_else(|| format!("it has no {PASSWORD}"))?;
    if password.expose_secret().len() < MIN_PASSWORD_BYTES {
        return Err(format!("its {PASSWORD} is shorter than {MIN_PASSWORD_BYTES} bytes"));
    }
    Ok(password)
}

/// Builds the statement by concatenation, since `ALTER ROLE` takes no parameters. The role is a constant, and a
/// verifier contains no character that needs escaping.
fn alter_role(role: &'static str, password: &SecretString) -> String {
    format!("ALTER ROLE {role} LOGIN PASSWORD '{}'", scram_sha_256(password.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_contains_a_verifier_instead_of_the_secret() {
        let statement = alter_role("holdfast_auth", &SecretString::from("it's a secret; DROP TABLE users"));
        let verifier = statement.strip_prefix("ALTER ROLE holdfast_auth LOGIN PASSWORD 'SCRAM-SHA-256$4096:").unwrap();
        let verifier = verifier.strip_suffix('\'').unwrap();
        assert!(
            verifier.chars().all(|letter| letter.is_ascii_alphanumeric() || "+/=$:".contains(letter)),
            "{verifier}"
        );
    }
}
