//! Responses that are complete before the transaction runs, so that the same transaction can store them.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::etag::etag;
use crate::problem::Problem;

/// Headers that are stored with a response under its idempotency key.
const KEPT: [HeaderName; 2] = [header::LOCATION, header::ETAG];

const JSON: &str = "application/json";

/// A successful response, JSON by default.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    content_type: &'static str,
    /// True if the body contains a secret that is shown once.
    pub(super) secret: bool,
}

impl ApiResponse {
    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::OK, body)
    }

    /// 201 with a JSON body, and the `Location` of the new resource.
    pub fn created(location: &str, body: &impl Serialize) -> Result<Self, Problem> {
        let mut response = Self::new(StatusCode::CREATED, body)?;
        response.headers.insert(header::LOCATION, HeaderValue::from_str(location).map_err(|_| Problem::internal())?);
        Ok(response)
    }

    /// 201 if an upsert created the resource, 200 if it replaced it; with a JSON body.
    pub fn upserted(created: bool, body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(if created { StatusCode::CREATED } else { StatusCode::OK }, body)
    }

    /// 200 with text of this content type.
    pub fn text(content_type: &'static str, text: String) -> Self {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Self { status, headers, body: text.into_bytes(), content_type, secret: false }
    }

    /// Adds a `Link` to the next page (RFC 8288).
    pub fn next(mut self, target: &str) -> Result<Self, Problem> {
        let link = HeaderValue::try_from(format!("<{target}>; rel=\"next\"")).map_err(|_| Problem::internal())?;
        self.headers.insert(header::LINK, link);
        Ok(self)
    }

    /// Adds the resource's version as its `ETag`.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.headers.insert(header::ETAG, etag(version));
        self
    }

    /// Sets a cookie (RFC 6265bis).
    pub fn cookie(mut self, cookie: &str) -> Result<Self, Problem> {
        let mut value = HeaderValue::from_str(cookie).map_err(|_| Problem::internal())?;
        value.set_sensitive(true);
        self.headers.append(header::SET_COOKIE, value);
        Ok(self)
    }

    /// 204 without a body.
    pub fn nothing() -> Self {
        let (status, headers) = (StatusCode::NO_CONTENT, HeaderMap::new());
        Self { status, headers, body: Vec::new(), content_type: JSON, secret: false }
    }

    /// Marks that the body contains a secret: stored under an idempotency key, it is sealed.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "a response body does not serialize");
            Problem::internal()
        })?;
        Ok(Self { status, headers: HeaderMap::new(), body, content_type: JSON, secret: false })
    }

    /// Returns whether this is the stored response of an earlier request under the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.headers.contains_key("idempotency-replayed")
    }

    /// The headers that are stored, as JSON.
    pub(super) fn kept_headers(&self) -> serde_json::Value {
        KEPT.iter()
            .filter_map(|name| Some((name.as_str(), self.headers.get(name)?.to_str().ok()?)))
            .collect::<std::collections::BTreeMap<_, _>>()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), serde_json::Value::from(value)))
            .collect()
    }

    /// A stored response, marked as a replay.
    pub(super) fn replayed(status: i16, headers: &serde_json::Value, body: Vec<u8>) -> Option<Self> {
        let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
        let mut kept = HeaderMap::new();
        for name in KEPT {
            if let Some(value) = headers.get(name.as_str()).and_then(|value| value.as_str()) {
                kept.insert(name, HeaderValue::from_str(value).ok()?);
            }
        }
        kept.insert("idempotency-replayed", HeaderValue::from_static("true"));
        Some(Self { status, headers: kept, body, content_type: JSON, secret: false })
    }
}

impl IntoResponse for ApiResponse {
    fn into_response(self) -> Response {
        if self.status == StatusCode::NO_CONTENT {
            return (self.status, self.headers).into_response();
        }
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))];
        (self.status, self.headers, content_type, self.body).into_response()
    }
}
