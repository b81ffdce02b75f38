//! HTTP client of the probes: no redirects, no cookies, a time limit, and responses that are read completely.

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Url, redirect};
use rustls::SupportedProtocolVersion;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Target;

const TIME_LIMIT: Duration = Duration::from_secs(15);

/// Client of the service.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// A response, read completely.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Response {
    /// Returns a header's value; empty if it is missing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body as JSON; null if it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Returns a part of the JSON by its pointer, such as `/items/0/id`; null if it is missing.
    pub(super) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    /// Returns the code of a problem; empty if the body is not one.
    pub(super) fn code(&self) -> String {
        self.at("/code").as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub(super) fn new(target: &Target) -> anyhow::Result<Self> {
        Self::with_versions(target, rustls::ALL_VERSIONS)
    }

    /// Creates a client that supports only these versions of TLS.
    pub(super) fn with_versions(
        target: &Target,
        versions: &[&'static SupportedProtocolVersion],
    ) -> anyhow::Result<Self> {
        let tls = holdfast_shared::tls::client(target.ca_file.as_deref(), versions)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .timeout(TIME_LIMIT)
            .user_agent(concat!("holdfast-check/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .build()?;
        Ok(Self { http, base: target.url.clone() })
    }

    /// Changes the address.
    pub(super) fn at(self, base: Url) -> Self {
        Self { base, ..self }
    }

    /// Sends a GET without a credential.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Response> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a GET with a credential.
    pub(super) async fn get_as(
        &self,
        token: &SecretString,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> anyhow::Result<Response> {
        let bearer = format!("Bearer {}", token.expose_secret());
        let headers = [headers, &[(reqwest::header::AUTHORIZATION, bearer.as_str())]].concat();
        self.send(Method::GET, path, &headers, None).await
    }

    /// Sends JSON without a credential.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Response> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.http.request(method, &url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{url} does not respond"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.with_context(|| format!("{url} does not complete its response"))?;
        Ok(Response { status, headers, text })
    }
}
