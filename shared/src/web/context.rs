//! What is known of a request before its handler runs: who calls, from where, under which conditions. Filled in by the
//! gate, read by handlers and by the transaction that writes the audit row.

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

/// The request in hand. Cheap to clone; an extractor of every handler.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<RequestFields>);

/// What a [`RequestContext`] knows.
#[derive(Debug)]
pub struct RequestFields {
    /// The route that serves it.
    pub route: &'static Route,
    /// The time at which it is handled: one for the whole request, so that all its rows agree.
    pub now: Timestamp,
    /// Its id, as in `X-Request-Id`.
    pub request_id: String,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, as sent.
    pub query: String,
    /// The caller's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// What the caller calls itself, cut at 256 characters.
    pub user_agent: Option<String>,
    /// Who calls, by a credential that is in good form; the transaction checks that it is live.
    pub principal: Option<Principal>,
    /// The tenant that an operator chose to act in.
    pub chosen_tenant: Option<TenantId>,
    /// The versions it accepts.
    pub if_match: IfMatch,
    /// Whether what it sets must be there (`If-Match`), or must not (`If-None-Match: *`).
    pub exists: Option<bool>,
    /// Its idempotency key, on routes that create.
    pub idempotency_key: Option<String>,
    pub(super) fingerprint: OnceLock<Vec<u8>>,
}

impl RequestContext {
    pub(super) fn new(facts: RequestFields) -> Self {
        Self(Arc::new(facts))
    }

    /// Remembers what was asked for, so that a repetition under the same idempotency key can be told from another request.
    pub(super) fn saw_body(&self, body: &[u8]) {
        if self.idempotency_key.is_some() {
            let _ = self.0.fingerprint.set(idempotency::fingerprint(&self.method, &self.path, body));
        }
    }

    /// The tenant acted in: the one that an operator chose, else the principal's own.
    pub fn tenant(&self) -> Option<TenantId> {
        self.chosen_tenant.or_else(|| self.principal.as_ref().map(Principal::home))
    }

    /// Who calls.
    ///
    /// # Errors
    /// 401 where nobody is known to: only on routes that anyone may request.
    pub fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(Problem::unauthenticated)
    }

    /// The claims of the user who calls.
    ///
    /// # Errors
    /// 403 `jwt_required` where it is an API token: only on routes that take any principal.
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
            tracing::error!("a handler was reached without passing the gate");
            Problem::internal()
        })
    }
}
