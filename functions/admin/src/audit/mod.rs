//! `/admin/audit`: who did or tried what. The log itself, its export, and the proof that it is unchanged.

pub(crate) mod export;
mod filters;
pub(crate) mod list;
mod seal_page;
pub(crate) mod seals;
pub(crate) mod verify;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::{SessionId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A row of the audit log.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct AuditEntry {
    /// Id of the row.
    id: Uuid,
    /// Time at which the request was handled.
    at: Time,
    /// `X-Request-Id` of the response.
    request_id: String,
    /// Tenant concerned; null for the platform.
    #[row(with = "TenantId::public")]
    tenant_id: Option<TenantId>,
    /// The principal that acted.
    #[row(flatten)]
    actor: Actor,
    /// Role of the actor at that time.
    role: Option<String>,
    /// Session of the actor.
    session_id: Option<SessionId>,
    /// Action that was done or tried.
    action: String,
    /// HTTP method.
    method: String,
    /// Path, without the query.
    path: String,
    /// HTTP status of the response.
    status: i16,
    /// Client address as the gateway saw it.
    source_ip: Option<String>,
    /// User agent of the client.
    user_agent: Option<String>,
    /// Why the actor did it, in its own words (`X-Reason`).
    reason: Option<String>,
    /// Ids of the resources concerned; for a secret also its name and version.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    targets: serde_json::Value,
    /// Names of the fields that were set; never their values.
    changed: Vec<String>,
}

/// The principal that acted.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct Actor {
    /// `user`, `api_token` or `anonymous`.
    #[row(column = "actor_kind")]
    kind: String,
    /// Id of the user or token; null if none was recognised.
    #[row(column = "actor_id")]
    id: Option<Uuid>,
    /// Name of the user or token at that time.
    #[row(column = "actor_name")]
    name: Option<String>,
}
