//! The wrapped data key of a tenant, as the database stores it: useless without the key that wrapped it.

use tokio_postgres::types::{FromSql, Type};

use crate::db::{FromRow, Row, RowError};

/// Kind of a key that wraps data keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// `SECRET_ENCRYPTION_KEY`.
    Local,
    /// A KMS key.
    Kms,
}

impl ProviderKind {
    /// Returns its name in the database.
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

/// A version of a tenant's data key, wrapped. A statement that returns sealed values returns with each the columns
/// `key_version, provider, provider_key, wrapped` of the `vault_keys` row that its `key_version` names.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WrappedKey {
    /// Version among the data keys of the tenant.
    #[row(column = "key_version")]
    pub version: i32,
    /// Kind of the key that wrapped it.
    pub provider: ProviderKind,
    /// Key that wrapped it: the ARN of the KMS key, or the fingerprint of the local key.
    pub provider_key: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// From a row that may have no key: its columns are then null. A struct takes it with `#[row(flatten)]`.
impl FromRow for Option<WrappedKey> {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        match row.try_get::<_, Option<i32>>("key_version")? {
            Some(_) => WrappedKey::from_row(row).map(Some),
            None => Ok(None),
        }
    }
}
