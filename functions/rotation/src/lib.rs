//! Rotates the password of a database role in the four steps of Secrets Manager: create a new version of the secret, set
//! its password for the role, test it, and make it the current version. Each step may be repeated and continues where an
//! earlier attempt was interrupted.
//!
//! It logs in as the role itself, which may change its own password, so it needs no privileges in the database and access
//! to no secret but those that it rotates. Open connections stay open. Functions that connect meanwhile try the password
//! of each stage (`holdfast_shared::db`), so no connection is rejected.

mod secret;

use holdfast_shared::aws::AwsError;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::rng::Rng;
use postgres_protocol::password::scram_sha_256;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio_postgres::Client;

use secret::{Database, Secret, SecretSettings};

/// Event that Secrets Manager sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Step of the rotation.
    pub step: Step,
    /// ARN of the secret.
    pub secret_id: String,
    /// Id of the version that the rotation creates.
    pub client_request_token: String,
}

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Create the new version, with a new password.
    CreateSecret,
    /// Set that password for the role.
    SetSecret,
    /// Log in with it.
    TestSecret,
    /// Make the new version the current one.
    FinishSecret,
}

/// A step failed. Repeated, it continues where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Secrets Manager rejected the request or is unreachable.
    #[error("Secrets Manager: {0}")]
    Aws(#[from] AwsError),
    /// The secret does not contain settings.
    #[error("the secret is not a JSON object of strings; store {{\"DATABASE_URL\": \"...\", ...}}")]
    NotSettings,
    /// The secret contains no password to rotate.
    #[error("the secret has no DATABASE_PASSWORD; take the password out of its DATABASE_URL and put it there")]
    NoPassword,
    /// The URL names no user, or already contains a password.
    #[error("the secret's {0} has no place for the password; write postgres://user@host:5432/name?sslmode=verify-full")]
    Url(&'static str),
    /// An earlier step is missing.
    #[error("there is no pending version of this rotation; start the rotation again")]
    NotCreated,
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The database is unreachable, or accepts neither password.
    #[error(transparent)]
    Database(#[from] OwnerError),
    /// The role cannot change its password.
    #[error("the password could not be changed ({0}); let the role change its own")]
    Change(String),
}

/// Runs one step.
///
/// # Errors
/// One line that names the fix, and never a password.
pub async fn run(request: &Request, rng: &dyn Rng) -> Result<(), RotationError> {
    let secret = Secret::new(&request.secret_id, &request.client_request_token).await;
    let current = secret.current_version().await?;
    if current.as_deref() == Some(&request.client_request_token) {
        // The response to an earlier attempt was lost, and the step is repeated.
        return Ok(());
    }
    match request.step {
        Step::CreateSecret => create(&secret, rng).await,
        Step::SetSecret => set(&secret).await,
        Step::TestSecret => test(&secret).await,
        Step::FinishSecret => {
            pending(&secret).await?;
            secret.promote(current).await
        }
    }
}

async fn create(secret: &Secret<'_>, rng: &dyn Rng) -> Result<(), RotationError> {
    if secret.pending().await?.is_none() {
        secret.put(&secret.current().await?.with_new_passwords(rng)?).await?;
    }
    Ok(())
}

async fn set(secret: &Secret<'_>) -> Result<(), RotationError> {
    let (new, old) = (pending(secret).await?.databases()?, secret.current().await?.databases()?);
    for (new, old) in new.iter().zip(&old) {
        // If the new password already works, an earlier attempt has set it.
        if connect(new).await.is_err() {
            change(&connect(old).await?, new).await?;
        }
    }
    Ok(())
}

/// Changes the password of the role that is logged in. The server receives a SCRAM-SHA-256 verifier (RFC 5803), so that no
/// statement log shows the password; a verifier contains no character that needs escaping.
async fn change(role: &Client, new: &Database) -> Result<(), RotationError> {
    let verifier = scram_sha_256(new.password.expose_secret().as_bytes());
    let statement = format!("ALTER ROLE CURRENT_USER PASSWORD '{verifier}'");
    role.batch_execute(&statement).await.map_err(|error| RotationError::Change(holdfast_shared::db::cause(&error)))
}

async fn test(secret: &Secret<'_>) -> Result<(), RotationError> {
    for database in pending(secret).await?.databases()? {
        connect(&database).await?;
    }
    Ok(())
}

async fn pending(secret: &Secret<'_>) -> Result<SecretSettings, RotationError> {
    secret.pending().await?.ok_or(RotationError::NotCreated)
}

async fn connect(database: &Database) -> Result<Client, OwnerError> {
    let ca_file = std::env::var_os("DATABASE_CA_FILE").filter(|path| !path.is_empty());
    holdfast_shared::db::connect_owner(&database.url, ca_file.as_deref().map(std::path::Path::new)).await
}
