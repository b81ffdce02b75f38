//! The caller of a request: a user who signed in, or an API token. The form of both was checked, and the signature of an
//! access token; the request's own transaction checks that they are live.

use super::api_token::ApiToken;
use super::token::Claims;
use crate::id::TenantId;
use crate::permission::{Permission, Role};

/// Credential of a caller.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A user who signed in.
    User(Claims),
    /// A program with an API token.
    ApiToken(ApiToken),
}

impl Principal {
    /// Returns the tenant that the credential belongs to.
    pub fn home(&self) -> TenantId {
        match self {
            Self::User(claims) => claims.home(),
            Self::ApiToken(token) => token.tenant,
        }
    }

    /// Returns the claims of a user who signed in.
    pub fn user(&self) -> Option<&Claims> {
        match self {
            Self::User(claims) => Some(claims),
            Self::ApiToken(_) => None,
        }
    }

    /// Returns the role of a user who signed in.
    pub fn role(&self) -> Option<Role> {
        self.user().map(|claims| claims.role)
    }

    /// Returns whether the principal certainly lacks the permission, as far as is known without the database, which alone
    /// knows the scopes of an API token.
    pub fn lacks(&self, permission: Permission) -> bool {
        self.role().is_some_and(|role| !role.may(permission))
    }
}
