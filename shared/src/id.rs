//! Identifiers as types, so that an account's id never lands where a tenant's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its hyphenated form")]
pub struct NotAnId;

/// Reads an id in the one form in which they are written: each thing has one address.
fn hyphenated(text: &str) -> Result<Uuid, NotAnId> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).ok_or(NotAnId)
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
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                hyphenated(text).map(Self)
            }
        }
    )+};
}

id! {
    /// A tenant: one customer of the deployment, walled off from all others.
    TenantId,
    /// A person who signs in.
    UserId,
    /// A sign-in, from the password to its end.
    SessionId,
    /// An account that a tenant keeps.
    AccountId,
    /// A program's token.
    TokenId,
}

impl TenantId {
    /// The platform itself: the reserved tenant (the nil UUID) that operators belong to. The HTTP
    /// contract shows it as `null`.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// The tenant as the contract shows it: none for the platform.
    pub fn public(self) -> Option<Self> {
        (self != Self::PLATFORM).then_some(self)
    }
}
