//! `/auth/sessions`: the caller's sessions.

pub(crate) mod delete;
pub(crate) mod list;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

/// A live session.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct Session {
    /// Session id.
    id: SessionId,
    /// True for the session of this request.
    current: bool,
    /// Time of the sign-in.
    created_at: Time,
    /// Time of the last refresh.
    refreshed_at: Time,
    /// Time at which the session expires, regardless of refreshes.
    expires_at: Time,
    /// Address that signed in.
    source_ip: Option<String>,
    /// Browser or program that signed in, as it named itself.
    user_agent: Option<String>,
}
