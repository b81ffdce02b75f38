//! HTTP as the probes need it: no redirects, no cookies, a time limit, and answers that are read whole.

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Url, redirect};
use rustls::SupportedProtocolVersion;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Target;

const TIME_LIMIT: Duration = Duration::from_secs(15);

/// A caller of the service.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    /// A header's value; empty where it is missing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A part of the JSON by its pointer, such as `/items/0/id`; null where it is missing.
    pub(super) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The code of a problem; empty where it is none.
    pub(super) fn code(&self) -> String {
        self.at("/code").as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub(super) fn new(target: &Target) -> anyhow::Result<Self> {
        Self::speaking(target, rustls::ALL_VERSIONS)
    }

    /// One that speaks these versions of TLS.
    pub(super) fn speaking(target: &Target, versions: &[&'static SupportedProtocolVersion]) -> anyhow::Result<Self> {
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

    /// The same caller of another address.
    pub(super) fn at(self, base: Url) -> Self {
        Self { base, ..self }
    }

    /// Asks without a credential.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Asks with a credential.
    pub(super) async fn get_as(
        &self,
        token: &SecretString,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> anyhow::Result<Answer> {
        let bearer = format!("Bearer {}", token.expose_secret());
        let headers = [headers, &[(reqwest::header::AUTHORIZATION, bearer.as_str())]].concat();
        self.send(Method::GET, path, &headers, None).await
    }

    /// Sends JSON without a credential.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.http.request(method, &url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{url} does not answer"))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.with_context(|| format!("{url} does not answer to the end"))?;
        Ok(Answer { status, headers, text })
    }
}
