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
    /// Time at which the row was written.
    at: Time,
    /// `X-Request-Id` of the response; of aggregated rejections, of the first of them.
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
    /// Action that was done or tried; `*` for several.
    action: String,
    /// HTTP method; `*` for several.
    method: String,
    /// Path, without the query; of aggregated rejections the route, or `*` for several.
    path: String,
    /// HTTP status of the response.
    status: i16,
    /// Client address as the gateway saw it; of aggregated rejections the address block, null for several.
    source_ip: Option<String>,
    /// User agent of the client; of aggregated rejections, of the first of them.
    user_agent: Option<String>,
    /// Why the actor did it, in its own words (`X-Reason`).
    reason: Option<String>,
    /// Ids of the resources concerned; for a secret also its name and version. Of aggregated rejections also their number
    /// (`rejections`), their `minute`, and up to ten of their `addresses`.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    targets: serde_json::Value,
    /// Names of the fields that were set; never their values.
    changed: Vec<String>,
}

/// The principal that acted.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct Actor {
    /// `user`, `api_token` or `anonymous`; `system` for what was done on the database itself.
    #[row(column = "actor_kind")]
    kind: String,
    /// Id of the user or token; null for others.
    #[row(column = "actor_id")]
    id: Option<Uuid>,
    /// Name of the user or token at that time, or the login of the database.
    #[row(column = "actor_name")]
    name: Option<String>,
}
