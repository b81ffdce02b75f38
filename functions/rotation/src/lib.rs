//! Rotates the password of a database role in the four steps that Secrets Manager asks for: make a new version of the
//! secret, give its password to the role, try it, make it count. Each step may be repeated, and each begins where the one
//! before was interrupted.
//!
//! It logs in as the role itself, which may change its own password; so it needs no rights in the database, and of
//! the secrets only those that it rotates. Connections that are open stay open; functions that open one meanwhile
//! find the new password at the stage that it is in (`holdfast_shared::db`), so nothing is ever refused.

mod secret;

use holdfast_shared::aws::AwsError;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::OwnerError;
use holdfast_shared::rng::Rng;
use postgres_protocol::password::scram_sha_256;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio_postgres::Client;

use secret::{Database, Secret, Values};

/// What Secrets Manager sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The step.
    pub step: Step,
    /// The secret's ARN.
    pub secret_id: String,
    /// The id of the version that the rotation makes.
    pub client_request_token: String,
}

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the new version, with a new password.
    CreateSecret,
    /// Gives that password to the role.
    SetSecret,
    /// Logs in with it.
    TestSecret,
    /// Makes the new version count.
    FinishSecret,
}

/// A step that failed. Nothing of it is lost: repeated, it goes on.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Secrets Manager refused, or did not answer.
    #[error("Secrets Manager: {0}")]
    Aws(#[from] AwsError),
    /// The secret is not one of settings.
    #[error("the secret is not a JSON object of strings; store {{\"DATABASE_URL\": \"...\", ...}}")]
    NotSettings,
    /// Nothing in it can be rotated.
    #[error("the secret has no DATABASE_PASSWORD; take the password out of its DATABASE_URL and put it there")]
    NoPassword,
    /// The URL and the password do not go together.
    #[error("the secret's {0} has no place for the password; write postgres://user@host:5432/name?sslmode=verify-full")]
    Url(&'static str),
    /// A step before this one is missing.
    #[error("there is no pending version of this rotation; start the rotation again")]
    NotCreated,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The database cannot be reached, or takes neither password.
    #[error(transparent)]
    Database(#[from] OwnerError),
    /// The role cannot change its password.
    #[error("the password could not be changed ({0}); let the role change its own")]
    Change(String),
}

/// Does one step.
///
/// # Errors
/// One line that names the fix, and never a password.
pub async fn run(request: &Request, rng: &dyn Rng) -> Result<(), RotationError> {
    let secret = Secret::new(&request.secret_id, &request.client_request_token).await;
    let current = secret.current_version().await?;
    if current.as_deref() == Some(&request.client_request_token) {
        // An answer of ours was lost, and the step is asked for again.
        return Ok(());
    }
    match request.step {
        Step::CreateSecret => create(&secret, rng).await,
        Step::SetSecret => set(&secret).await,
        Step::TestSecret => test(&secret).await,
        Step::FinishSecret => {
            made(&secret).await?;
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
    let (new, old) = (made(secret).await?.databases()?, secret.current().await?.databases()?);
    for (new, old) in new.iter().zip(&old) {
        // Where it logs in already, this step was done before.
        if connect(new).await.is_err() {
            change(&connect(old).await?, new).await?;
        }
    }
    Ok(())
}

/// Changes the password of whoever is logged in. The server gets a SCRAM-SHA-256 verifier (RFC 5803), so that no log of
/// its statements shows the password; a verifier holds no character that needs escaping.
async fn change(role: &Client, new: &Database) -> Result<(), RotationError> {
    let verifier = scram_sha_256(new.password.expose_secret().as_bytes());
    let statement = format!("ALTER ROLE CURRENT_USER PASSWORD '{verifier}'");
    role.batch_execute(&statement).await.map_err(|error| RotationError::Change(holdfast_shared::db::cause(&error)))
}

async fn test(secret: &Secret<'_>) -> Result<(), RotationError> {
    for database in made(secret).await?.databases()? {
        connect(&database).await?;
    }
    Ok(())
}

async fn made(secret: &Secret<'_>) -> Result<Values, RotationError> {
    secret.pending().await?.ok_or(RotationError::NotCreated)
}

async fn connect(database: &Database) -> Result<Client, OwnerError> {
    let ca_file = std::env::var_os("DATABASE_CA_FILE").filter(|path| !path.is_empty());
    holdfast_shared::db::connect_owner(&database.url, ca_file.as_deref().map(std::path::Path::new)).await
}
