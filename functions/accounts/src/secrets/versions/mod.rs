//! `/accounts/{id}/secrets/{name}/versions`: the history of a secret's values.

pub(crate) mod list;
pub(crate) mod restore;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::key_id;

/// A version of a secret, without its value.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub(crate) struct SecretVersion {
    /// Version number.
    version: i64,
    /// Time of creation.
    created_at: Time,
    /// Vault key that the version is sealed under, as `/admin/keys` lists it.
    #[row(column = "key_version", with = "key_id")]
    key_id: String,
    /// Version whose value this one repeats, where it was created by a restore.
    restored_from: Option<i64>,
}
