//! What a tenant may hold of each kind: as it is set, and as it is shown.

use holdfast_shared::web::double_option;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A number that is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0, or null for no limit")]
pub(crate) struct InvalidQuota;

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = i64, minimum = 0)]
pub(crate) struct Most(i64);

impl TryFrom<i64> for Most {
    type Error = InvalidQuota;

    fn try_from(most: i64) -> Result<Self, InvalidQuota> {
        if most >= 0 { Ok(Self(most)) } else { Err(InvalidQuota) }
    }
}

/// Quotas to set; null for no limit. Those that are left out stay as they are: a new tenant's have no limit.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null takes a limit away, and nothing leaves it as it is")]
pub(crate) struct NewQuotas {
    /// Accounts that are not deleted.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Most>)]
    accounts: Option<Option<Most>>,
    /// Secrets.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Most>)]
    secrets: Option<Option<Most>>,
    /// Users.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Most>)]
    users: Option<Option<Most>>,
    /// API tokens that are not revoked.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Most>)]
    api_tokens: Option<Option<Most>>,
}

impl NewQuotas {
    /// As the database takes them: a number or null for each that is given.
    pub(crate) fn to_json(self) -> Value {
        let all = [
            ("accounts", self.accounts),
            ("secrets", self.secrets),
            ("users", self.users),
            ("api_tokens", self.api_tokens),
        ];
        let given = all.into_iter().filter_map(|(kind, quota)| Some((kind.to_owned(), quota?)));
        given.map(|(kind, most)| (kind, Value::from(most.map(|most| most.0)))).collect()
    }

    /// Whether not one user may be there.
    pub(crate) fn allow_no_user(self) -> bool {
        self.users == Some(Some(Most(0)))
    }
}

/// What a tenant may hold; null for no limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quotas {
    /// Accounts that are not deleted.
    accounts: Option<i64>,
    /// Secrets.
    secrets: Option<i64>,
    /// Users.
    users: Option<i64>,
    /// API tokens that are not revoked.
    api_tokens: Option<i64>,
}

impl Quotas {
    /// From an object of the limits that there are.
    pub(crate) fn from_json(limits: &Value) -> Self {
        let limit = |kind: &str| limits.get(kind).and_then(Value::as_i64);
        Self {
            accounts: limit("accounts"),
            secrets: limit("secrets"),
            users: limit("users"),
            api_tokens: limit("api_tokens"),
        }
    }
}
