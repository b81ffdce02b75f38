//! A tenant's data key as the database has it: of no use without the key that wrapped it.

use crate::db::FromRow;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

/// What wraps data keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// `SECRET_ENCRYPTION_KEY`.
    Local,
    /// A KMS key.
    Kms,
}

impl ProviderKind {
    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Kms => "kms",
        }
    }
}

impl<'a> FromSql<'a> for ProviderKind {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let known = [Self::Local, Self::Kms].into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("{name:?} wraps no data keys").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// A version of a tenant's data key, wrapped. A statement that brings sealed values brings with each the columns
/// `key_version, provider, provider_key, wrapped` of the `vault_keys` row that its `key_version` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which of the tenant's data keys it is.
    pub version: i32,
    /// What wrapped it.
    pub provider: ProviderKind,
    /// Which of the provider's keys wrapped it: the KMS key's ARN, or the local key's fingerprint.
    pub provider_key: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

impl WrappedKey {
    /// The key of a row that may bring none: its columns are then null.
    pub fn if_any(row: &Row) -> Result<Option<Self>, tokio_postgres::Error> {
        match row.try_get::<_, Option<i32>>("key_version")? {
            Some(_) => Self::from_row(row).map(Some),
            None => Ok(None),
        }
    }
}

impl FromRow for WrappedKey {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            version: row.try_get("key_version")?,
            provider: row.try_get("provider")?,
            provider_key: row.try_get("provider_key")?,
            wrapped: row.try_get("wrapped")?,
        })
    }
}
