//! A client of the application: sends requests to the router as API Gateway would, and reads whole responses.

use std::panic::Location;

use axum::Router;
use axum::body::Body;
use holdfast_shared::web::SourceIp;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::secrets;

/// A caller, with or without a credential.
#[derive(Clone)]
pub struct Client {
    router: Router,
    source_ip: String,
    /// The access token, if the caller has signed in.
    pub access_token: Option<String>,
    /// The refresh token, if the caller has signed in.
    pub refresh_token: Option<String>,
    headers: Vec<(String, String)>,
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON: null if it is empty, a string if it is not JSON.
    pub body: Value,
    /// The body as received.
    pub text: String,
}

impl Response {
    /// Returns a header's text; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the problem code; empty if the body is not a problem.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the status and the problem code, as test tables name an outcome: `403 forbidden`, `200`.
    pub fn outcome(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.code()).trim_end().to_owned()
    }

    /// Returns a text field of the body; empty if it is missing.
    pub fn text_at(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the items of a list.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("not a list: {self:?}"))
    }

    /// Returns a text field of each item of a list.
    #[track_caller]
    pub fn each<'a>(&'a self, field: &str) -> Vec<&'a str> {
        let text = |item: &'a Value| item[field].as_str().unwrap_or_else(|| panic!("an item lacks {field}: {item}"));
        self.items().iter().map(text).collect()
    }

    /// Returns the cursor of a list's next page; none on the last page.
    pub fn next_cursor(&self) -> Option<&str> {
        self.body["next_cursor"].as_str()
    }
}

impl Client {
    pub(crate) fn new(router: Router) -> Self {
        let source_ip = "203.0.113.7".to_owned();
        Self { router, source_ip, access_token: None, refresh_token: None, headers: Vec::new() }
    }

    /// The same caller, served by another instance.
    #[must_use]
    pub fn served_by(mut self, router: Router) -> Self {
        self.router = router;
        self
    }

    /// The same caller with the tokens of a login's or a refresh's response.
    #[must_use]
    pub fn with_tokens(mut self, tokens: &Value) -> Self {
        let token = |name: &str| tokens.get(name).and_then(Value::as_str).map(str::to_owned);
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

    /// The same caller with an additional header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same operator, acting in the tenant of this id, with a reason.
    #[must_use]
    pub fn in_tenant(self, id: &str) -> Self {
        self.with_header("x-tenant-id", id).with_header("x-reason", "a test")
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None).await
    }

    /// Sends a POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, Some(body.clone())).await
    }

    /// Sends a POST without a body.
    pub async fn post_empty(&self, path: &str) -> Response {
        self.send(Method::POST, path, None).await
    }

    /// Creates something by a POST, which must succeed. Returns the 201 response, which has its `Location`.
    #[track_caller]
    pub fn create(&self, path: &str, body: &Value) -> impl Future<Output = Response> + use<> {
        let (client, path, body, caller) = (self.clone(), path.to_owned(), body.clone(), Location::caller());
        async move {
            let response = client.post(&path, &body).await;
            assert_eq!(response.status, 201, "{caller}: POST {path}: {response:?}");
            response
        }
    }

    /// Creates an account with a name of its own. Returns its path.
    #[track_caller]
    pub fn create_account(&self) -> impl Future<Output = String> + use<> {
        let created = self.create("/accounts", &json!({"name": secrets::unique()}));
        async move { created.await.header("location").to_owned() }
    }

    /// Sends a PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(Method::PATCH, path, Some(body.clone())).await
    }

    /// Sends a PUT with a JSON body. The harness searches every log and table for the value of a secret.
    pub async fn put(&self, path: &str, body: &Value) -> Response {
        if let Some(value) = body["value"].as_str() {
            secrets::keep_excerpt(value);
        }
        self.send(Method::PUT, path, Some(body.clone())).await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends a request of any method, with or without a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self.request(method, path);
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send_request(request.body(body).unwrap()).await
    }

    /// Begins a request with this caller's credential and headers, for what [`Client::send`] cannot express.
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

    /// Sends a request unchanged.
    pub async fn send_request(&self, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(SourceIp(self.source_ip.clone()));
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()))
        };
        Response { status: parts.status, headers: parts.headers, body, text }
    }
}
