//! The filters of the audit log, the same for the list and for exports.

use holdfast_shared::db::Statement;
use holdfast_shared::id::{AccountId, UserId};
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{ParameterKind, QueryParameter};
use holdfast_shared::web::Params;
use jiff::Timestamp;

pub(super) const FROM: QueryParameter =
    QueryParameter::new("from", ParameterKind::Time, "Only rows at or after this time.");
pub(super) const TO: QueryParameter = QueryParameter::new("to", ParameterKind::Time, "Only rows before this time.");
pub(super) const ACTOR: QueryParameter =
    QueryParameter::new("actor", ParameterKind::Id, "Only actions of this user or token, by its id.");
pub(super) const ACTION: QueryParameter =
    QueryParameter::new("action", ParameterKind::Text, "Only this action, such as account.create.");
pub(super) const ROLE: QueryParameter = QueryParameter::new(
    "role",
    ParameterKind::OneOf(&["viewer", "editor", "admin", "operator"]),
    "Only actions of users with this role at that time: in a tenant, `operator` shows what operators did there.",
);
pub(super) const STATUS: QueryParameter =
    QueryParameter::new("status", ParameterKind::Number(100, 599), "Only responses with this HTTP status.");
pub(super) const PATH: QueryParameter = QueryParameter::new("path", ParameterKind::Text, "Only requests of this path.");
pub(super) const REQUEST_ID: QueryParameter =
    QueryParameter::new("request_id", ParameterKind::Text, "Only the request whose response has this X-Request-Id.");
pub(super) const ACCOUNT_ID: QueryParameter =
    QueryParameter::new("account_id", ParameterKind::Id, "Only actions on this account.");

/// The query parameters of a route: its own, and the filters.
macro_rules! with_filters {
    ($($own:expr),+) => {
        &[
            $($own,)+
            filters::FROM,
            filters::TO,
            filters::ACTOR,
            filters::ACTION,
            filters::ROLE,
            filters::STATUS,
            filters::PATH,
            filters::REQUEST_ID,
            filters::ACCOUNT_ID,
        ]
    };
}
pub(super) use with_filters;

/// The filters as conditions on the log `l`, over `$1` to `$9` as [`Filters::bind`] binds them.
macro_rules! conditions {
    () => {
        "($1::timestamptz IS NULL OR l.at >= $1) AND ($2::timestamptz IS NULL OR l.at < $2)
       AND ($3::uuid IS NULL OR l.actor_id = $3) AND ($4::text IS NULL OR l.action = $4)
       AND ($5::smallint IS NULL OR l.status = $5) AND ($6::text IS NULL OR l.path = $6)
       AND ($7::text IS NULL OR l.request_id = $7) AND ($8::text IS NULL OR l.account_id = $8)
       AND ($9::text IS NULL OR l.role = $9)"
    };
}
pub(super) use conditions;

/// The values of the filters.
pub(super) struct Filters<'a> {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    actor: Option<UserId>,
    action: Option<&'a str>,
    status: Option<i16>,
    path: Option<&'a str>,
    request_id: Option<&'a str>,
    account: Option<String>,
    role: Option<&'static str>,
}

impl<'a> Filters<'a> {
    pub(super) fn read(params: &'a Params) -> Result<Self, Problem> {
        let account = params.parse::<AccountId>("account_id", "must be the id of an account")?;
        Ok(Self {
            from: params.time("from")?,
            to: params.time("to")?,
            actor: params.parse("actor", "must be the id of a user or token")?,
            action: params.text("action"),
            status: params.parse("status", "must be an HTTP status")?,
            path: params.text("path"),
            request_id: params.text("request_id"),
            account: account.map(|id| id.to_string()),
            role: params.parse::<Role>("role", "must be viewer, editor, admin or operator")?.map(Role::name),
        })
    }

    /// Binds them as `$1` to `$9`.
    pub(super) fn bind<'b>(&'b self, statement: Statement<'b>) -> Statement<'b> {
        statement
            .bind(&self.from)
            .bind(&self.to)
            .bind(&self.actor)
            .bind(&self.action)
            .bind(&self.status)
            .bind(&self.path)
            .bind(&self.request_id)
            .bind(&self.account)
            .bind(&self.role)
    }
}
