//! The context of a request before its handler runs: caller, address, conditions. The authorization layer fills it in;
//! handlers and the transaction read it.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use http::Method;
use http::request::Parts;
use jiff::Timestamp;

use super::etag::IfMatch;
use super::idempotency;
use crate::app::App;
use crate::id::TenantId;
use crate::identity::principal::Principal;
use crate::identity::token::Claims;
use crate::problem::{Code, Problem};
use crate::route::Route;
use crate::text::Reason;

/// Request id, always our own: an id from the caller would let it write into our logs.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Client address as the gateway reports it. Set from the Lambda event or the local socket, never from a header.
#[derive(Debug, Clone)]
pub struct SourceIp(pub String);

/// The request that is being handled. Cheap to clone; an extractor of every handler.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<RequestFields>);

/// The fields of a [`RequestContext`].
#[derive(Debug)]
pub struct RequestFields {
    /// Route that serves it.
    pub route: &'static Route,
    /// Time at which it is handled: one for the whole request, so that all its rows agree.
    pub now: Timestamp,
    /// Id, as in `X-Request-Id`.
    pub request_id: String,
    /// Method.
    pub method: Method,
    /// Path, without the query, percent-encoded and at most 2048 bytes.
    pub path: String,
    /// Query, as sent.
    pub query: String,
    /// Client address as the gateway reports it.
    pub source_ip: Option<String>,
    /// `User-Agent`, truncated to 256 characters.
    pub user_agent: Option<String>,
    /// Caller, by a credential that verifies; the transaction checks that it is live.
    pub principal: Option<Principal>,
    /// Tenant that an operator chose to act in.
    pub chosen_tenant: Option<TenantId>,
    /// `X-Reason`: why a user writes in a tenant.
    pub reason: Option<Reason>,
    /// Versions that `If-Match` accepts.
    pub if_match: IfMatch,
    /// True if the resource must exist (`If-Match`), false if it must not (`If-None-Match: *`), on routes that upsert.
    pub must_exist: Option<bool>,
    /// Idempotency key, on routes that create.
    pub idempotency_key: Option<String>,
    pub(super) fingerprint: OnceLock<Vec<u8>>,
}

impl RequestContext {
    pub(super) fn new(fields: RequestFields) -> Self {
        Self(Arc::new(fields))
    }

    /// Stores the request's fingerprint, which distinguishes a repetition under the same idempotency key from another
    /// request.
    pub(super) fn saw_body(&self, body: &[u8]) {
        if self.idempotency_key.is_some() {
            let _ = self.0.fingerprint.set(idempotency::fingerprint(&self.method, &self.path, body));
        }
    }

    /// The tenant that the request acts in: the one that an operator chose, else the principal's own.
    pub fn tenant(&self) -> Option<TenantId> {
        self.chosen_tenant.or_else(|| self.principal.as_ref().map(Principal::home))
    }

    /// The caller.
    ///
    /// # Errors
    /// 401 if there is none: only on routes that anyone may call.
    pub fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(Problem::unauthenticated)
    }

    /// The claims of the user who calls.
    ///
    /// # Errors
    /// 403 `jwt_required` if the caller is an API token: only on routes that accept any principal.
    pub fn user(&self) -> Result<&Claims, Problem> {
        self.principal()?.user().ok_or_else(|| Problem::of(Code::JwtRequired))
    }
}

impl Deref for RequestContext {
    type Target = RequestFields;

    fn deref(&self) -> &RequestFields {
        &self.0
    }
}

impl FromRequestParts<App> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler was reached without authorization");
            Problem::internal()
        })
    }
}
