//! Limits on how much of each kind a tenant may have.

use holdfast_shared::web::double_option;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A number that is not a valid quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of at least 0, or null for no limit")]
pub(crate) struct InvalidQuota;

/// A limit, as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = i64, minimum = 0)]
pub(crate) struct QuotaLimit(i64);

impl TryFrom<i64> for QuotaLimit {
    type Error = InvalidQuota;

    fn try_from(limit: i64) -> Result<Self, InvalidQuota> {
        if limit >= 0 { Ok(Self(limit)) } else { Err(InvalidQuota) }
    }
}

/// Quotas to set; null for no limit. A quota that is absent stays unchanged; in a new tenant it has no limit.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null removes a limit, an absent field leaves it unchanged")]
pub(crate) struct NewQuotas {
    /// Accounts that are not deleted.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<QuotaLimit>)]
    accounts: Option<Option<QuotaLimit>>,
    /// Secrets.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<QuotaLimit>)]
    secrets: Option<Option<QuotaLimit>>,
    /// Users.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<QuotaLimit>)]
    users: Option<Option<QuotaLimit>>,
    /// API tokens that are not revoked.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<QuotaLimit>)]
    api_tokens: Option<Option<QuotaLimit>>,
}

impl NewQuotas {
    /// The form that the database takes: a number or null for each quota that is given.
    pub(super) fn to_json(self) -> Value {
        let all = [
            ("accounts", self.accounts),
            ("secrets", self.secrets),
            ("users", self.users),
            ("api_tokens", self.api_tokens),
        ];
        let given = all.into_iter().filter_map(|(kind, quota)| Some((kind.to_owned(), quota?)));
        given.map(|(kind, limit)| (kind, Value::from(limit.map(|limit| limit.0)))).collect()
    }

    /// True if the tenant may not have a single user.
    pub(super) fn allow_no_user(self) -> bool {
        self.users == Some(Some(QuotaLimit(0)))
    }
}

/// Limits of a tenant; null for no limit.
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
    /// From a JSON object of the limits that are set, as the database returns it.
    #[expect(clippy::needless_pass_by_value, reason = "the row reader passes the column by value")]
    pub(super) fn from_json(limits: Value) -> Self {
        let limit = |kind: &str| limits.get(kind).and_then(Value::as_i64);
        Self {
            accounts: limit("accounts"),
            secrets: limit("secrets"),
            users: limit("users"),
            api_tokens: limit("api_tokens"),
        }
    }
}
