//! Path and query parameters: ids, filters and pages. A malformed id gets the response of one that does not exist.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::Method;
use http::request::Parts;
use jiff::Timestamp;

use super::RequestContext;
use super::cursor::CursorKey;
use super::list::List;
use crate::app::App;
use crate::id::SessionId;
use crate::problem::Problem;
use crate::route::{ParameterKind, QueryParameter};

/// The id in the path, as `{id}`.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        segment(parts, app, "id").await?.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The session in the path, as `{sid}`.
#[derive(Debug, Clone, Copy)]
pub struct Sid(pub SessionId);

impl FromRequestParts<App> for Sid {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        segment(parts, app, "sid").await?.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The name in the path, as `{name}`. An invalid name is 400 if PUT would create it, otherwise 404.
#[derive(Debug, Clone)]
pub struct Name<T>(pub T);

impl<T: FromStr<Err: Display>> FromRequestParts<App> for Name<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let parsed = segment(parts, app, "name").await?.parse();
        parsed.map(Self).map_err(|error: T::Err| match parts.method {
            Method::PUT => Problem::field("name", error.to_string()),
            _ => Problem::not_found(),
        })
    }
}

/// The number of a version in the path, as `{n}`.
#[derive(Debug, Clone, Copy)]
pub struct Version(pub i64);

impl FromRequestParts<App> for Version {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        segment(parts, app, "n").await?.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

async fn segment(parts: &mut Parts, app: &App, name: &str) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Problem::not_found())?;
    let found = params.iter().find(|(given, _)| *given == name).map(|(_, value)| value.to_owned());
    found.ok_or_else(Problem::not_found)
}

/// The query parameters of a route, each at most once. Parameters that the route does not list are rejected.
#[derive(Debug, Clone)]
pub struct Params(BTreeMap<String, String>);

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let request = RequestContext::from_request_parts(parts, app).await?;
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            if !request.route.query.iter().any(|known| known.name == name) {
                return Err(Problem::field(name, "is not a parameter of this resource"));
            }
            if value.contains('\0') || value.contains('\u{FFFD}') {
                return Err(Problem::field(name, "contains a character that is not allowed"));
            }
            if params.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Problem::field(name, "must not be repeated"));
            }
        }
        Ok(Self(params))
    }
}

impl Params {
    /// The parameter as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameter as a value of a type.
    ///
    /// # Errors
    /// 400 with `expected` as the message, if it does not parse.
    pub fn parse<T: FromStr>(&self, name: &'static str, expected: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| text.parse().map_err(|_| Problem::field(name, expected))).transpose()
    }

    /// The target of a `Link` header: the page of this cursor, of the same list with the same filters.
    pub fn link(&self, path: &str, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| *name != "cursor"));
        format!("{path}?{}", query.append_pair("cursor", cursor).finish())
    }

    /// The parameter as a time.
    ///
    /// # Errors
    /// 400 if it is not a time of RFC 3339.
    pub fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        self.parse(name, "must be a time such as 2026-01-31T12:00:00Z")
    }
}

/// Page size of a list.
pub const LIMIT: QueryParameter =
    QueryParameter::new("limit", ParameterKind::Number(1, 200), "Page size, 1-200. Default 50.");
/// Position of the page in a list.
pub const CURSOR: QueryParameter =
    QueryParameter::new("cursor", ParameterKind::Cursor, "The next_cursor of the previous page.");

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

/// The requested page of a list.
pub struct Page {
    limit: Option<i64>,
    /// Position at which the previous page ended; none for the first page.
    pub after: Option<Vec<String>>,
    key: CursorKey,
}

impl FromRequestParts<App> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let request = RequestContext::from_request_parts(parts, app).await?;
        let mut params = Params::from_request_parts(parts, app).await?;
        let limit = params.parse::<i64>("limit", "must be a whole number from 1 to 200")?;
        if limit.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
            return Err(Problem::field("limit", "must be from 1 to 200"));
        }
        let cursor = params.0.remove("cursor");
        params.0.remove("limit");
        let tenant = request.tenant().map(|tenant| tenant.0).unwrap_or_default();
        let filters = serde_json::to_vec(&params.0).unwrap_or_default();
        // The key arrives with the first connection, and no principal is authorized without a connection.
        let key = app.keys.cursor().ok_or_else(Problem::unavailable)?;
        let key = CursorKey::new(&key, &[tenant.as_bytes(), request.path.as_bytes(), &filters]);
        let after = cursor.map(|cursor| key.open(&cursor)).transpose()?;
        Ok(Self { limit, after, key })
    }
}

impl Page {
    /// Number of rows to select: one more than the page size, which shows whether another page follows.
    pub fn rows(&self) -> i64 {
        self.limit_or(DEFAULT_LIMIT) + 1
    }

    /// Page size, for a list with a default of its own.
    pub fn limit_or(&self, default: i64) -> i64 {
        self.limit.unwrap_or(default)
    }

    /// The cursor of the page that starts after this position.
    ///
    /// # Errors
    /// 500 if it does not serialize.
    pub fn cursor(&self, position: &[String]) -> Result<String, Problem> {
        self.key.seal(position).ok_or_else(Problem::internal)
    }

    /// A part of the position at which the previous page ended.
    ///
    /// # Errors
    /// 400 if it does not parse as `T`: a cursor of an older build.
    pub fn position<T: FromStr>(&self, part: usize) -> Result<Option<T>, Problem> {
        let text = self.after.as_ref().and_then(|position| position.get(part));
        text.map(|text| text.parse().map_err(|_| Problem::field("cursor", "is not a cursor of this list"))).transpose()
    }

    /// The response body: at most `limit` of the rows, and the cursor of the next page if one follows.
    pub fn list<T>(&self, mut rows: Vec<T>, position: impl Fn(&T) -> Vec<String>) -> List<T> {
        let limit = usize::try_from(self.limit_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).and_then(|last| self.key.seal(&position(last)));
        List { items: rows, next_cursor }
    }
}
