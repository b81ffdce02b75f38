//! The audit row of a request: what the handler states, what the caller claims, and what the database records.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::audit_file;
use super::caller::Caller;
use super::context::RequestContext;
use crate::app::App;
use crate::db::{FromRow, Sql, Statement};
use crate::id::{TenantId, UserId};
use crate::problem::{Code, Problem};
use crate::route::Audited;

/// Appends the audit row, and returns the transaction's rejection, if any, with the actor and tenant that the database
/// authorized.
const RECORD: Sql = Sql::prepared(
    "SELECT rejection, actor, tenant, outcome, again FROM record_audit(
        p_id => $1,
        p_at => $2,
        p_request_id => $3,
        p_always => $4,
        p_action => $5,
        p_method => $6,
        p_path => $7,
        p_status => $8,
        p_source_ip => $9,
        p_user_agent => $10,
        p_targets => $11,
        p_changed => $12,
        p_claimed_tenant => $13,
        p_claimed_user => $14,
        p_claimed_role => $15,
        p_claimed_session => $16)",
);

/// Fields of the audit row that the handler states.
#[derive(Debug, Default)]
pub(super) struct AuditDetails {
    /// Status of success, if it is not the route's.
    pub(super) status: Option<u16>,
    /// Resources acted on, by kind.
    pub(super) targets: Map<String, Value>,
    /// Names of the changed fields.
    pub(super) changed: Vec<&'static str>,
    /// Action, if it is not the route's.
    pub(super) action: Option<&'static str>,
    /// Tenant of a sign-in, before any principal is known.
    pub(super) tenant: Option<TenantId>,
    /// User of a sign-in, before any principal is known.
    pub(super) user: Option<UserId>,
    /// True if the transaction only looks something up: success leaves no row.
    pub(super) look_up: bool,
}

/// The audit row as it is sent.
pub(super) struct AuditRow<'a> {
    pub(super) request: &'a RequestContext,
    caller: &'a Caller,
    pub(super) id: Uuid,
    /// True if success is recorded; rejections always are.
    always: bool,
    pub(super) action: &'static str,
    method: &'a str,
    status: i32,
    pub(super) targets: Value,
    pub(super) changed: Vec<&'static str>,
}

impl<'a> AuditRow<'a> {
    pub(super) fn new(app: &App, request: &'a RequestContext, caller: &'a Caller, details: AuditDetails) -> Self {
        let always = match request.route.audited {
            _ if details.look_up => false,
            Audited::Always => true,
            Audited::Reads => app.config.audit_reads,
            Audited::Never => false,
        };
        Self {
            request,
            caller,
            id: app.rng.uuid(request.now),
            always,
            action: details.action.unwrap_or(request.route.action),
            method: request.method.as_str(),
            status: i32::from(details.status.unwrap_or(request.route.success)),
            targets: Value::Object(details.targets),
            changed: details.changed,
        }
    }

    /// The statement that appends the row; the last of the transaction.
    pub(super) fn record(&self) -> Statement<'_> {
        let Self { request, caller, .. } = self;
        RECORD
            .bind(&self.id)
            .bind(&request.now)
            .bind(&request.request_id)
            .bind(&self.always)
            .bind(&self.action)
            .bind(&self.method)
            .bind(&request.path)
            .bind(&self.status)
            .bind(&request.source_ip)
            .bind(&request.user_agent)
            .bind(&self.targets)
            .bind(&self.changed)
            .bind(&caller.tenant)
            .bind(&caller.user)
            .bind(&caller.role)
            .bind(&caller.session)
    }

    /// Copies the row to `AUDIT_LOG_PATH`, if that is set and the database recorded the row.
    pub(super) fn copy(&self, app: &App, recorded: &Recorded) {
        let is_kept = (self.always || recorded.outcome >= 400) && !recorded.again;
        if let Some(path) = app.config.audit_log_path.as_deref().filter(|_| is_kept) {
            audit_file::append(path, self, recorded);
        }
    }
}

/// The row as the database recorded it.
#[derive(FromRow)]
pub(super) struct Recorded {
    /// Code of the first rejection; none if every statement was allowed.
    rejection: Option<String>,
    /// Principal that the database authorized.
    pub(super) actor: Option<Value>,
    /// Tenant that the database authorized.
    pub(super) tenant: Option<TenantId>,
    /// Status of the response.
    pub(super) outcome: i32,
    /// True if the request repeats one under the same idempotency key, which has its row already.
    again: bool,
}

impl Recorded {
    /// The rejection as a problem code.
    ///
    /// # Errors
    /// 500 if it is not a problem code.
    pub(super) fn rejection(&self) -> Result<Option<Code>, Problem> {
        let Some(name) = self.rejection.as_deref() else { return Ok(None) };
        let code = Code::named(name).ok_or_else(|| {
            tracing::error!(name, "the database rejected with an unknown problem code");
            Problem::internal()
        });
        code.map(Some)
    }
}
