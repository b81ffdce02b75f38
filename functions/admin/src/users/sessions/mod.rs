//! `/admin/users/{id}/sessions`: the sessions of a user.

pub(crate) mod delete;
pub(crate) mod list;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

/// A live session of a user.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct UserSession {
    /// Session id.
    id: SessionId,
    /// Time of the sign-in.
    created_at: Time,
    /// Time of the last refresh.
    refreshed_at: Time,
    /// Time at which the user last gave a password, and a code where one is required.
    authenticated_at: Time,
    /// Time at which the session expires, regardless of refreshes.
    expires_at: Time,
    /// Address that signed in.
    source_ip: Option<String>,
    /// Browser or program that signed in, as it named itself.
    user_agent: Option<String>,
}
