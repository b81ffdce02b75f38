//! The configuration: read once at start, from the environment and at most one Secrets Manager secret, and refused
//! where it is weak. Handlers see the result, never the environment.

mod check;
pub mod database;
mod source;

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::permission::Role;

pub use check::{BootstrapToken, BootstrapUser, ConfigError, api_tokens, auth_users};
pub use source::{Effective, NAMES, Settings, Source, Stage};

/// Where it runs. Only `local` may do without verified TLS and managed secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    Local,
    /// Anything else, by its name; unset means production.
    Deployed(String),
}

/// What a function needs configured: each asks for no more than it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// It signs access tokens.
    pub signing: bool,
    /// It verifies access tokens.
    pub verification: bool,
    /// It opens or seals secrets.
    pub vault: bool,
}

/// The effective configuration.
pub struct Config {
    /// Where it runs.
    pub environment: Environment,
    /// How the database is reached, password included.
    pub database_url: SecretString,
    /// Whether Secrets Manager gave its password, and may have another one since.
    pub password_rotates: bool,
    /// The certificate authority of the database, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// Connections of this instance: 1 in Lambda, where an instance serves one request at a time.
    pub pool_size: usize,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// The HS256 secret, where no asymmetric key is configured. At least 32 bytes.
    pub jwt_secret: Option<SecretSlice<u8>>,
    /// The KMS key that signs access tokens (ES256).
    pub signing_kms_key: Option<String>,
    /// A PKCS #8 PEM file with the P-256 key that signs access tokens. Local use.
    pub signing_key_file: Option<PathBuf>,
    /// The vault's own key, where KMS is not used.
    pub vault_key: Option<SecretSlice<u8>>,
    /// The vault's own key of before, while data keys move from it to another.
    pub former_vault_key: Option<SecretSlice<u8>>,
    /// The KMS key under which the vault's data keys are made.
    pub vault_kms_key: Option<String>,
    /// Whether plain reads are audited too.
    pub audit_reads: bool,
    /// A file that gets a copy of each audit row as a JSON line. Local use.
    pub audit_log_path: Option<PathBuf>,
    /// Days for which deleted accounts can be restored.
    pub retention_days: u16,
    /// How many versions of a secret are kept.
    pub secret_versions: u16,
    /// Roles whose users must have one-time codes.
    pub mfa_roles: Vec<Role>,
    /// Origins that browsers may call from; none by default.
    pub cors_origins: Vec<HeaderValue>,
    /// All settings, as they may be shown.
    pub effective: Vec<Effective>,
}

impl Config {
    /// Reads the configuration of a deployed function: the environment, then `SECRETS_ARN` where it is set.
    ///
    /// # Errors
    /// One line that names the setting and the fix.
    pub async fn load(needs: Needs) -> Result<Self, ConfigError> {
        let settings = Settings::from_environment().await?;
        Self::from_settings(&settings, needs)
    }

    /// Reads and checks settings that were gathered already.
    pub fn from_settings(settings: &Settings, needs: Needs) -> Result<Self, ConfigError> {
        check::config(settings, needs)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// Bytes of a secret, for the one place that uses them.
pub(crate) fn expose(secret: &SecretSlice<u8>) -> &[u8] {
    secret.expose_secret()
}
