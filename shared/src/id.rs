//! Identifiers as distinct types, so that an account's id cannot be used as a tenant's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its hyphenated form")]
pub struct InvalidId;

/// Parses the hyphenated form only, so that each resource has one URL.
fn hyphenated(text: &str) -> Result<Uuid, InvalidId> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).ok_or(InvalidId)
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                hyphenated(text).map(Self)
            }
        }
    )+};
}

id! {
    /// A tenant: one customer of the deployment, isolated from all others.
    TenantId,
    /// A person who signs in.
    UserId,
    /// A session: from the sign-in to its end.
    SessionId,
    /// An account of a tenant.
    AccountId,
    /// An API token.
    TokenId,
}

impl TenantId {
    /// The platform: the reserved tenant (the nil UUID) that operators belong to. The API shows it as `null`.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// The tenant as the API shows it: none for the platform.
    pub fn public(self) -> Option<Self> {
        (self != Self::PLATFORM).then_some(self)
    }
}
