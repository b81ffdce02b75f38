//! The configuration: read once at start, from the environment and Secrets Manager, and rejected where it is weak. Handlers
//! see the result, never the environment. Every setting is declared once, in [`SETTINGS`].

mod bootstrap;
mod check;
pub mod database;
mod document;
mod error;
mod setting;
mod settings;
mod table;

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;
use secrecy::{SecretSlice, SecretString};

use crate::permission::Role;

pub use bootstrap::{BootstrapToken, BootstrapUser, api_tokens, auth_users, costs_the_same};
pub use check::thumbprints;
pub use document::markdown;
pub use error::ConfigError;
pub use setting::{Form, Section, Setting};
pub use settings::{EffectiveSetting, Settings, Source, Stage};
pub use table::{SETTINGS, find, names, secrets};

/// Environment. Only `local` may run without verified TLS and managed secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    Local,
    /// Any other, by its name; unset means production.
    Deployed(String),
}

/// Settings that a function needs: each requires no more than it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a need of its own, in any combination")]
pub struct Needs {
    /// It uses the database.
    pub database: bool,
    /// It signs access tokens.
    pub signing: bool,
    /// It verifies access tokens.
    pub verification: bool,
    /// It opens or seals secrets.
    pub vault: bool,
}

impl Needs {
    /// The database, and no key.
    pub const DATABASE: Self = Self { database: true, signing: false, verification: false, vault: false };
}

/// The effective configuration.
pub struct Config {
    /// Environment.
    pub environment: Environment,
    /// URL of the database, password included; none where the function does not need it, whatever is set.
    database_url: Option<SecretString>,
    /// Whether its password came from Secrets Manager, and may have been rotated since.
    pub password_rotates: bool,
    /// Certificate authority of the database, as a PEM file; none for the public ones.
    pub database_ca_file: Option<PathBuf>,
    /// Connections of this instance: 1 in Lambda, where an instance serves one request at a time.
    pub pool_size: usize,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// The HS256 secret, where no asymmetric key is configured. At least 32 bytes.
    pub jwt_secret: Option<SecretSlice<u8>>,
    /// KMS key that signs access tokens (ES256).
    pub signing_kms_key: Option<String>,
    /// PKCS #8 PEM file with the P-256 key that signs access tokens. Local use.
    pub signing_key_file: Option<PathBuf>,
    /// Thumbprints of the signing keys that count without a certificate, beside the configured one.
    pub signing_key_ids: Vec<String>,
    /// Key of the vault, where KMS is not used.
    pub vault_key: Option<SecretSlice<u8>>,
    /// Previous key of the vault, while data keys move from it to another.
    pub former_vault_key: Option<SecretSlice<u8>>,
    /// KMS key that wraps the data keys of the vault.
    pub vault_kms_key: Option<String>,
    /// Whether plain reads are audited too.
    pub audit_reads: bool,
    /// File that gets a copy of each audit row as a JSON line. Local use.
    pub audit_log_path: Option<PathBuf>,
    /// Thumbprints of the audit keys whose seals count, beside the one of `audit_kms_key`.
    pub audit_key_ids: Vec<String>,
    /// KMS key that signs audit seals.
    pub audit_kms_key: Option<String>,
    /// Days for which deleted accounts can be restored.
    pub retention_days: u16,
    /// Number of versions that are kept of a secret.
    pub secret_versions: u16,
    /// Maximum lifetime of an API token, in days.
    pub api_token_max_days: u16,
    /// Lifetime of a session, regardless of refreshes, in days.
    pub session_days: u16,
    /// Lifetime of an operator's session, in hours.
    pub operator_session_hours: u16,
    /// Minutes after which an operator's session that was not refreshed ends.
    pub operator_idle_minutes: u16,
    /// Roles whose users must have TOTP.
    pub mfa_roles: Vec<Role>,
    /// Origins that browsers may call from; none by default.
    pub cors_origins: Vec<HeaderValue>,
    /// All settings, as they may be shown.
    pub effective: Vec<EffectiveSetting>,
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

    /// The URL of the database, password included.
    ///
    /// # Errors
    /// The function does not need the database, so that none was read.
    pub fn database_url(&self) -> Result<&SecretString, ConfigError> {
        self.database_url.as_ref().ok_or_else(|| ConfigError::of("DATABASE_URL", "not read, as it is not needed here"))
    }

    /// Checks settings that were read already.
    pub fn from_settings(settings: &Settings, needs: Needs) -> Result<Self, ConfigError> {
        check::config(settings, needs)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("environment", &self.environment).finish_non_exhaustive()
    }
}
