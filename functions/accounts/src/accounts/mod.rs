//! An account as callers see it, and the columns that it is read from.

pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod update;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::{AccountId, TenantId};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

/// An account that a tenant keeps.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Its id.
    pub(crate) id: AccountId,
    /// Whose it is.
    pub(crate) tenant_id: TenantId,
    /// Its name, unique among the tenant's live accounts.
    pub(crate) name: String,
    /// Who answers for it, in the tenant's own words.
    pub(crate) owner: Option<String>,
    /// `active` or `suspended`.
    pub(crate) status: String,
    /// Pairs of strings that the tenant keeps with it.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub(crate) metadata: serde_json::Value,
    /// Counts changes; its `ETag`.
    pub(crate) version: i64,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When it last changed.
    pub(crate) updated_at: Time,
}

/// What [`Account`] is read from, in the order of its fields.
macro_rules! columns {
    () => {
        "a.id, a.tenant_id, a.name, a.owner, a.status, a.metadata, a.version, a.created_at, a.updated_at"
    };
}
pub(crate) use columns;

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            tenant_id: row.try_get(1)?,
            name: row.try_get(2)?,
            owner: row.try_get(3)?,
            status: row.try_get(4)?,
            metadata: row.try_get(5)?,
            version: row.try_get(6)?,
            created_at: row.try_get(7)?,
            updated_at: row.try_get(8)?,
        })
    }
}
