//! The properties of a route, each an enum: authorization enforces them, the OpenAPI document states them, and tests
//! enumerate them.

use crate::permission::Permission;

/// The callers that a route serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone. The handler itself checks a credential that is in the body.
    Anyone,
    /// Any principal.
    Authenticated,
    /// A signed-in user, by JWT; never an API token.
    User,
    /// A principal that holds this permission, by JWT or API token.
    Holder(Permission),
    /// A signed-in user who holds this permission, by JWT; never an API token, whatever its scopes.
    Admin(Permission),
}

impl Access {
    /// Returns whether only a signed-in user's JWT is accepted.
    pub const fn needs_jwt(self) -> bool {
        matches!(self, Self::User | Self::Admin(_))
    }

    /// The permission that the caller needs.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Holder(permission) | Self::Admin(permission) => Some(permission),
            Self::Anyone | Self::Authenticated | Self::User => None,
        }
    }
}

/// The successful requests that are written to the audit log. Rejections of a principal always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// Each request.
    Always,
    /// Only with `AUDIT_READS=true`.
    Reads,
    /// None: the route reads nothing of a tenant (liveness, public keys). Rejections are not written either.
    Never,
}

/// The effect of a successful request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads (GET).
    Reads,
    /// Changes or acts on what exists.
    Changes,
    /// Creates a resource: 201 with `Location`. An `Idempotency-Key` is honoured.
    Creates,
}

/// The conditional headers that a route honours (RFC 9110, section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// None: the resource has no versions.
    None,
    /// `If-Match`.
    IfMatch,
    /// `If-Match` and `If-None-Match: *`: the request creates the resource (201) where it does not exist.
    Upsert,
}

/// The tenant that a request acts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantScope {
    /// The principal's own.
    Own,
    /// The principal's own, or the one that an operator chooses by `X-Tenant-ID`.
    Chosen,
}

/// The sessions that a route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Sessions that are fully signed in.
    Full,
    /// Also sessions that may only enrol in TOTP, because the user's role requires it.
    Enrolling,
}

/// The authentication that a route needs of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// That of the session, however long ago.
    Session,
    /// One of the last 300 seconds (step-up, RFC 9470): the route does what a stolen session must not.
    Recent,
}

/// The origins from which a route accepts requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Any: the credential is in the `Authorization` header or the body, which no other site can add.
    Any,
    /// Pages of this origin only (`Sec-Fetch-Site: same-origin`): the credential is a cookie, which browsers add to
    /// requests from other sites too.
    Same,
}
