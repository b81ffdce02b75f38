//! A caller: sends requests to the router as the gateway would, and reads whole answers.

use axum::Router;
use axum::body::Body;
use holdfast_shared::web::SourceIp;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::secrets;

/// Someone who calls, with or without a credential.
#[derive(Clone)]
pub struct Client {
    router: Router,
    source_ip: String,
    /// The access token, if the caller has signed in.
    pub access_token: Option<String>,
    /// The refresh token, likewise.
    pub refresh_token: Option<String>,
    headers: Vec<(String, String)>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null where it is empty, a string where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Reply {
    /// A header's text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem code; empty where it is none.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Status and problem code in one, as the tables of tests name an outcome: `403 forbidden`, `200`.
    pub fn outcome(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.code()).trim_end().to_owned()
    }

    /// A text field of the body; empty where it is missing.
    pub fn text_at(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(router: Router) -> Self {
        let source_ip = "203.0.113.7".to_owned();
        Self { router, source_ip, access_token: None, refresh_token: None, headers: Vec::new() }
    }

    /// The same caller, served by another instance.
    #[must_use]
    pub fn of(mut self, router: Router) -> Self {
        self.router = router;
        self
    }

    /// The same caller with the tokens of a login's or refresh's answer.
    #[must_use]
    pub fn with_tokens(mut self, answer: &Value) -> Self {
        let token = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        (self.access_token, self.refresh_token) = (token("access_token"), token("refresh_token"));
        self.access_token.iter().chain(&self.refresh_token).for_each(|token| secrets::keep(token));
        self
    }

    /// The same caller with this access token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.access_token = Some(token.to_owned());
        self
    }

    /// The same caller from another address.
    #[must_use]
    pub fn from_address(mut self, source_ip: &str) -> Self {
        source_ip.clone_into(&mut self.source_ip);
        self
    }

    /// The same caller, sending this header too.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body.clone())).await
    }

    /// POST without a body.
    pub async fn act(&self, path: &str) -> Reply {
        self.send(Method::POST, path, None).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body.clone())).await
    }

    /// PUT with a JSON body. A secret's value is kept, to be searched for in every log and table.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        if let Some(value) = body["value"].as_str() {
            secrets::keep_excerpt(value);
        }
        self.send(Method::PUT, path, Some(body.clone())).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Any method, with a JSON body or none.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.request(method, path);
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.call(request.body(body).unwrap()).await
    }

    /// A request with this caller's credential and headers, for what [`Client::send`] cannot say.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path).header("user-agent", "holdfast-tests");
        if let Some(token) = &self.access_token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Sends a request as it is.
    pub async fn call(&self, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(SourceIp(self.source_ip.clone()));
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()))
        };
        Reply { status: parts.status, headers: parts.headers, body, text }
    }
}
