//! The caller of a request as its credential claims, and the statement by which the database authorizes it.

use super::audit::AuditDetails;
use super::context::RequestContext;
use crate::db::{Sql, Statement};
use crate::id::{SessionId, TenantId, UserId};
use crate::identity::principal::Principal;
use crate::identity::token::Claims;
use crate::route::{Access, Session};

/// Checks that the session, user and tenant are live, and sets the tenant of the transaction; otherwise rejects with
/// `unauthenticated`.
const AUTHORIZE_SESSION: Sql = Sql::prepared(
    "SELECT authorize_session(
        p_session => $1, p_user => $2, p_tenant => $3, p_role => $4, p_now => $5, p_chosen => $6)",
);

/// Like [`AUTHORIZE_SESSION`], but accepts also a session that may only enrol in TOTP.
const AUTHORIZE_ENROLLING_SESSION: Sql = Sql::prepared(
    "SELECT authorize_enrolling_session(
        p_session => $1, p_user => $2, p_tenant => $3, p_role => $4, p_now => $5, p_chosen => $6)",
);

/// Like [`AUTHORIZE_SESSION`], for an API token, whose scopes it checks too.
const AUTHORIZE_API_TOKEN: Sql = Sql::prepared("SELECT authorize_api_token($1, $2, $3, $4)");

/// Names the tenant of a sign-in, before any principal is known.
const BEGIN_ANONYMOUS: Sql = Sql::prepared("SELECT begin_anonymous_request($1)");

/// The caller as its credential claims. Claims prove nothing before the database has found the session or token.
pub(super) struct Caller {
    tenant: Option<TenantId>,
    user: Option<UserId>,
    role: Option<&'static str>,
    session: Option<SessionId>,
    /// Permission that an API token needs. None on routes that only accept JWTs: there the rejection is
    /// `jwt_required`, whatever the token's scopes are.
    permission: Option<&'static str>,
}

impl Caller {
    /// The caller of a request; at a sign-in, the one that `details` names.
    pub(super) fn of(request: &RequestContext, details: &AuditDetails) -> Self {
        let claims = request.principal.as_ref().and_then(Principal::user);
        let permission = match request.route.access {
            Access::Holder(permission) => Some(permission.name()),
            Access::Anyone | Access::Authenticated | Access::User | Access::Admin(_) => None,
        };
        Self {
            tenant: claims.map(Claims::home).or(details.tenant),
            user: claims.map(|claims| claims.sub),
            role: claims.map(|claims| claims.role.name()),
            session: claims.map(|claims| claims.sid),
            permission,
        }
    }

    /// The statement that authorizes the caller, or names the tenant of a sign-in; none on other routes without a principal.
    /// The first of the transaction.
    pub(super) fn authorize<'a>(&'a self, request: &'a RequestContext) -> Option<Statement<'a>> {
        let Some(principal) = &request.principal else {
            return self.tenant.is_some().then(|| BEGIN_ANONYMOUS.bind(&self.tenant));
        };
        Some(match principal {
            Principal::User(_) => {
                let authorize = match request.route.session {
                    Session::Full => AUTHORIZE_SESSION,
                    Session::Enrolling => AUTHORIZE_ENROLLING_SESSION,
                };
                let authorize = authorize.bind(&self.session).bind(&self.user).bind(&self.tenant).bind(&self.role);
                authorize.bind(&request.now).bind(&request.chosen_tenant)
            }
            Principal::ApiToken(token) => {
                let authorize = AUTHORIZE_API_TOKEN.bind(&token.hash).bind(&token.tenant);
                authorize.bind(&self.permission).bind(&request.now)
            }
        })
    }
}
