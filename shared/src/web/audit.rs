//! The audit row of a request: what the handler states, and what the database records.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::audit_file;
use super::context::RequestContext;
use crate::app::App;
use crate::db::{FromRow, Sql, Statement};
use crate::id::TenantId;
use crate::problem::{Code, Problem};
use crate::route::Audited;

/// Appends the audit row, or counts a rejection that anybody can cause, and returns the transaction's rejection, if any, with the row's id, time, actor and tenant, which the
/// database sets.
const RECORD: Sql = Sql::prepared(
    "SELECT rejection, row_id, row_at, actor, tenant, outcome FROM record_audit(
        p_request_id => $1,
        p_always => $2,
        p_action => $3,
        p_method => $4,
        p_path => $5,
        p_status => $6,
        p_source_ip => $7,
        p_user_agent => $8,
        p_targets => $9,
        p_changed => $10,
        p_reason => $11,
        p_route => $12)",
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
    /// True if the transaction only looks something up: success leaves no row.
    pub(super) look_up: bool,
}

/// The audit row as it is sent.
pub(super) struct AuditRow<'a> {
    pub(super) request: &'a RequestContext,
    /// True if success is recorded; rejections always are.
    always: bool,
    pub(super) action: &'static str,
    method: &'a str,
    status: i32,
    pub(super) targets: Value,
    pub(super) changed: Vec<&'static str>,
}

impl<'a> AuditRow<'a> {
    pub(super) fn new(app: &App, request: &'a RequestContext, details: AuditDetails) -> Self {
        let always = match request.route.audited {
            _ if details.look_up => false,
            Audited::Always => true,
            Audited::Reads => app.config.audit_reads,
            Audited::Never => false,
        };
        Self {
            request,
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
        let request = self.request;
        RECORD
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
            .bind(&request.reason)
            .bind(&request.route.path)
    }

    /// Copies the row to `AUDIT_LOG_PATH`, if that is set and the database recorded the row.
    pub(super) fn copy(&self, app: &App, recorded: &Recorded) {
        if let Some(path) = app.config.audit_log_path.as_deref() {
            audit_file::append(path, self, recorded);
        }
    }
}

/// The row as the database recorded it.
#[derive(FromRow)]
pub(super) struct Recorded {
    /// Code of the first rejection; none if every statement was allowed.
    rejection: Option<String>,
    /// Id of the row; none if no row was recorded, or the rejection was only counted.
    pub(super) row_id: Option<Uuid>,
    /// Time of the row.
    pub(super) row_at: Option<Timestamp>,
    /// Principal that the database authorized.
    pub(super) actor: Option<Value>,
    /// Tenant that the database authorized.
    pub(super) tenant: Option<TenantId>,
    /// Status of the response.
    pub(super) outcome: i32,
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
