//! The one table of roles and permissions. A route names a permission; a role is a set of permissions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! permissions {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A permission of a principal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        pub enum Permission {
            $(#[doc = concat!("`", $name, "`")] #[serde(rename = $name)] $variant),+
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in tokens, scopes and documents.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

permissions! {
    AccountsRead = "accounts:read",
    AccountsWrite = "accounts:write",
    SecretsRead = "secrets:read",
    SecretsWrite = "secrets:write",
    SecretsReveal = "secrets:reveal",
    UsersRead = "users:read",
    UsersWrite = "users:write",
    TokensRead = "tokens:read",
    TokensWrite = "tokens:write",
    AuditRead = "audit:read",
    TenantsRead = "tenants:read",
    TenantsWrite = "tenants:write",
    KeysRead = "keys:read",
    KeysRotate = "keys:rotate",
    SchemaRead = "schema:read",
    BackupsRead = "backups:read",
    BackupsRun = "backups:run",
    ConfigRead = "config:read",
    MetricsRead = "metrics:read",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A permission that an API token can have: never an administrative one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
pub enum Scope {
    /// `accounts:read`
    #[serde(rename = "accounts:read")]
    AccountsRead,
    /// `accounts:write`
    #[serde(rename = "accounts:write")]
    AccountsWrite,
    /// `secrets:read`
    #[serde(rename = "secrets:read")]
    SecretsRead,
    /// `secrets:write`
    #[serde(rename = "secrets:write")]
    SecretsWrite,
    /// `secrets:reveal`
    #[serde(rename = "secrets:reveal")]
    SecretsReveal,
    /// `metrics:read`
    #[serde(rename = "metrics:read")]
    MetricsRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::SecretsRead,
        Self::SecretsWrite,
        Self::SecretsReveal,
        Self::MetricsRead,
    ];

    /// The permission that it grants.
    pub const fn permission(self) -> Permission {
        match self {
            Self::AccountsRead => Permission::AccountsRead,
            Self::AccountsWrite => Permission::AccountsWrite,
            Self::SecretsRead => Permission::SecretsRead,
            Self::SecretsWrite => Permission::SecretsWrite,
            Self::SecretsReveal => Permission::SecretsReveal,
            Self::MetricsRead => Permission::MetricsRead,
        }
    }

    /// Name of the permission.
    pub const fn name(self) -> &'static str {
        self.permission().name()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Role of a user. `operator` belongs to the platform, the others to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads accounts and the names of secrets.
    Viewer,
    /// Changes accounts and secrets, and reveals values.
    Editor,
    /// Administers the tenant: users, tokens and its audit log.
    Admin,
    /// Administers the platform; never sees accounts or secrets.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Operator];

    /// Name in claims and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// Permissions of the role.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Viewer => &[P::AccountsRead, P::SecretsRead],
            Self::Editor => &[P::AccountsRead, P::SecretsRead, P::AccountsWrite, P::SecretsWrite, P::SecretsReveal],
            Self::Admin => &[
                P::AccountsRead,
                P::SecretsRead,
                P::AccountsWrite,
                P::SecretsWrite,
                P::SecretsReveal,
                P::UsersRead,
                P::UsersWrite,
                P::TokensRead,
                P::TokensWrite,
                P::AuditRead,
            ],
            Self::Operator => &[
                P::TenantsRead,
                P::TenantsWrite,
                P::UsersRead,
                P::UsersWrite,
                P::TokensRead,
                P::TokensWrite,
                P::AuditRead,
                P::KeysRead,
                P::KeysRotate,
                P::SchemaRead,
                P::BackupsRead,
                P::BackupsRun,
                P::ConfigRead,
                P::MetricsRead,
            ],
        }
    }

    /// Returns whether the role has a permission.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is not the name of a role.
#[derive(Debug, thiserror::Error)]
#[error("no such role: use viewer, editor, admin or operator")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_never_see_accounts_or_secrets() {
        for permission in Role::Operator.permissions() {
            assert!(!permission.name().starts_with("accounts:") && !permission.name().starts_with("secrets:"));
        }
    }

    #[test]
    fn each_tenant_role_holds_all_of_the_one_below() {
        for pair in [Role::Viewer, Role::Editor, Role::Admin].windows(2) {
            assert!(pair[0].permissions().iter().all(|&held| pair[1].may(held)));
        }
    }
}
