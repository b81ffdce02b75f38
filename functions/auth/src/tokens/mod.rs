//! `/auth/tokens`: the API tokens of the caller's tenant, or of the platform.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::{TokenId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

/// An API token, without its text.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct ApiToken {
    /// Token id.
    id: TokenId,
    /// Purpose of the token.
    name: String,
    /// Permissions of the token.
    scopes: Vec<String>,
    /// First characters of the token, by which it can be recognized.
    prefix: String,
    /// User who created the token; null for a token that the deployment created.
    created_by: Option<UserId>,
    /// True if that user is deleted or suspended.
    orphaned: bool,
    /// Time of creation.
    created_at: Time,
    /// Time at which the token expires.
    expires_at: Time,
    /// Time of the last use, to the minute.
    last_used_at: Option<Time>,
}
