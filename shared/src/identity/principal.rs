//! Who calls: someone who signed in, or an API token. Both were checked in form, and an access token in signature; that
//! they are live is checked in the request's own transaction.

use super::api_token::ApiToken;
use super::token::Claims;
use crate::id::TenantId;
use crate::permission::{Permission, Role};

/// A caller's credential.
#[derive(Debug, Clone)]
pub enum Principal {
    /// Someone who signed in.
    User(Claims),
    /// A program, with its own token.
    ApiToken(ApiToken),
}

impl Principal {
    /// The tenant that the credential belongs to.
    pub fn home(&self) -> TenantId {
        match self {
            Self::User(claims) => claims.home(),
            Self::ApiToken(token) => token.tenant,
        }
    }

    /// The claims of someone who signed in.
    pub fn user(&self) -> Option<&Claims> {
        match self {
            Self::User(claims) => Some(claims),
            Self::ApiToken(_) => None,
        }
    }

    /// The role of someone who signed in.
    pub fn role(&self) -> Option<Role> {
        self.user().map(|claims| claims.role)
    }

    /// Whether it is known without the database that the principal may not do this. A token's scopes are the
    /// database's to tell.
    pub fn lacks(&self, permission: Permission) -> bool {
        self.role().is_some_and(|role| !role.may(permission))
    }
}
