//! Failures to seal or open a value. Each has its own name, and none is ever an empty value.

use std::sync::Arc;

use super::primitives::OutOfRange;
use crate::aws::AwsError;
use crate::db::DbError;
use crate::problem::Problem;

/// A failure of the vault.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The first byte names a format that this build does not know.
    #[error("sealed in format {0}, which this build does not know")]
    UnknownVersion(u8),
    /// It was sealed under another data key (another tenant's, or another version) or for another purpose, or its salt or
    /// its commitment was altered.
    #[error("not sealed under this data key, for this purpose")]
    WrongKey,
    /// It was cut or altered, or sealed for another context: a row that was moved.
    #[error("altered since it was sealed, or sealed for another location")]
    Tampered,
    /// The provider rejects the wrapped data key: it is not one of its own for this tenant.
    #[error("the wrapped data key was altered, or belongs to another tenant")]
    KeyRejected,
    /// The data key was wrapped under a provider key that this function is not configured with.
    #[error("the data key is wrapped by {provider} key {key}, which is not configured here")]
    NoProvider {
        /// `kms` or `local`.
        provider: &'static str,
        /// The KMS key's ARN, or the fingerprint of the local key.
        key: String,
    },
    /// KMS cannot be reached, or fails.
    #[error("KMS: {0}")]
    Kms(AwsError),
    /// The tenant's data key could not be looked up or stored.
    #[error("{0}")]
    Database(Arc<DbError>),
    /// The plaintext is longer than AES-GCM allows (NIST SP 800-38D, section 5.2.1.1).
    #[error("too long to be sealed")]
    TooLong,
}

impl VaultError {
    /// Returns whether it concerns this one value or its data key, and not the environment in which it is opened.
    pub const fn is_of_the_value(&self) -> bool {
        matches!(self, Self::UnknownVersion(_) | Self::WrongKey | Self::Tampered | Self::KeyRejected)
    }

    /// Returns the reason by which the failure is counted; none where it concerns no sealed value and no key.
    pub(super) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::UnknownVersion(_) => Some("unknown_version"),
            Self::WrongKey => Some("wrong_key"),
            Self::Tampered => Some("tampered"),
            Self::KeyRejected => Some("key_refused"),
            Self::NoProvider { .. } => Some("no_provider"),
            Self::Kms(_) => Some("kms"),
            Self::Database(_) | Self::TooLong => None,
        }
    }
}

impl From<DbError> for VaultError {
    fn from(error: DbError) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for VaultError {
    fn from(error: tokio_postgres::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<OutOfRange> for VaultError {
    fn from(_: OutOfRange) -> Self {
        Self::TooLong
    }
}

/// The caller learns only whether to try again, nothing else about the failure.
impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Kms(_) => Self::unavailable(),
            VaultError::Database(error) => Self::from(&*error),
            _ => Self::internal(),
        }
    }
}
