//! `Idempotency-Key`: the same key and request within 24 hours return the first response again.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use ring::digest;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::context::RequestContext;
use super::response::ApiResponse;
use crate::app::App;
use crate::db::{DbError, FromRow, RowError, Sql, Statement};
use crate::id::{TenantId, UserId};
use crate::identity::principal::Principal;
use crate::problem::Problem;
use crate::vault::{Purpose, WrappedKey};

const FIND: Sql = Sql::prepared(
    "SELECT status, headers, body, key_version, provider, provider_key, wrapped FROM find_idempotency_key($1, $2, $3)",
);

const KEEP: Sql = Sql::prepared(
    "SELECT keep_idempotency_key(
        p_key => $1,
        p_hash => $2,
        p_now => $3,
        p_status => $4,
        p_headers => $5,
        p_body => $6,
        p_key_version => $7)",
);

/// Reads the header: 1 to 255 visible ASCII characters, at most once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid_request("Idempotency-Key must be 1 to 255 visible ASCII characters.")),
    }
}

/// SHA-256 of method, path and body: two requests with the same fingerprint are the same request.
pub(super) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// The place of a response under an idempotency key.
pub(super) struct Slot<'a> {
    key: &'a String,
    fingerprint: &'a Vec<u8>,
    now: &'a Timestamp,
    tenant: TenantId,
    /// The user, or nil for an API token: only users create what is shown once, so only users' responses are sealed.
    user: UserId,
}

/// A response as it is stored.
pub(super) struct StoredResponse {
    status: i32,
    headers: Value,
    /// The body; sealed if it contains a secret.
    body: Vec<u8>,
    /// Version of the data key that sealed the body.
    key_version: Option<i32>,
}

impl<'a> Slot<'a> {
    /// The slot of a request that has an idempotency key and a body.
    pub(super) fn of(request: &'a RequestContext) -> Option<Self> {
        let (key, fingerprint) = (request.idempotency_key.as_ref()?, request.fingerprint.get()?);
        let tenant = request.tenant().unwrap_or(TenantId::PLATFORM);
        let user = request.principal.as_ref().and_then(Principal::user);
        let user = user.map_or(UserId(Uuid::nil()), |claims| claims.sub);
        Some(Self { key, fingerprint, now: &request.now, tenant, user })
    }

    /// The statement that finds the response stored in the slot.
    pub(super) fn find(&self) -> Statement<'a> {
        FIND.bind(self.key).bind(self.fingerprint).bind(self.now)
    }

    /// The statement that stores a response in the slot.
    pub(super) fn keep<'b>(&self, response: &'b StoredResponse) -> Statement<'b>
    where
        'a: 'b,
    {
        let keep = KEEP.bind(self.key).bind(self.fingerprint).bind(self.now);
        keep.bind(&response.status).bind(&response.headers).bind(&response.body).bind(&response.key_version)
    }

    /// Converts a response to the form in which it is stored; seals its body if it contains a secret.
    pub(super) async fn seal(&self, app: &App, response: &ApiResponse) -> Result<StoredResponse, Problem> {
        let (body, key_version) = if response.secret {
            let context: [&[u8]; 2] = [self.user.0.as_bytes(), self.key.as_bytes()];
            let sealed = app.vault()?.seal(self.tenant, Purpose::Idempotency, &context, &response.body).await?;
            (sealed.bytes, Some(sealed.key_version))
        } else {
            (response.body.clone(), None)
        };
        let status = i32::from(response.status.as_u16());
        Ok(StoredResponse { status, headers: response.kept_headers(), body, key_version })
    }

    /// Reads the response that [`Slot::find`] found, if any.
    pub(super) async fn open(&self, app: &App, rows: &[Row]) -> Result<Option<ApiResponse>, Problem> {
        let Some(row) = rows.first() else { return Ok(None) };
        let Found { status, headers, body, sealed_with } = Found::from_row(row).map_err(DbError::Unexpected)?;
        let body = match sealed_with {
            None => body,
            Some(wrapped) => {
                let context: [&[u8]; 2] = [self.user.0.as_bytes(), self.key.as_bytes()];
                app.vault()?.open(self.tenant, Purpose::Idempotency, &context, &wrapped, &body).await?.to_vec()
            }
        };
        Ok(ApiResponse::replayed(status, &headers, body))
    }
}

struct Found {
    status: i16,
    headers: Value,
    body: Vec<u8>,
    sealed_with: Option<WrappedKey>,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            status: row.try_get("status")?,
            headers: row.try_get("headers")?,
            body: row.try_get("body")?,
            sealed_with: Option::<WrappedKey>::from_row(row)?,
        })
    }
}
