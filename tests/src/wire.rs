//! HTTP over the network: to the stand-ins for AWS, and to running deployments.

use bytes::Bytes;
use http::{Request, Response, header};
use serde_json::Value;

/// Returns a client with connections of its own: they end with the test's runtime.
fn client() -> reqwest::Client {
    let tls = holdfast_shared::tls::client(None, rustls::DEFAULT_VERSIONS).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

/// Sends a request and reads the response to its end.
pub(crate) async fn send(request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    // The URI has the host. A forwarded request names another one in its header.
    parts.headers.remove(header::HOST);
    let request = Request::from_parts(parts, body.into());
    let received = client().execute(request.try_into().unwrap()).await.unwrap_or_else(|error| panic!("{error:?}"));
    let mut response = Response::new(Bytes::new());
    (*response.status_mut(), *response.headers_mut()) = (received.status(), received.headers().clone());
    *response.body_mut() = received.bytes().await.unwrap();
    response
}

/// A service, over HTTP or verified TLS.
pub struct Web {
    client: reqwest::Client,
    url: String,
}

impl Web {
    /// Returns the service at this URL.
    pub fn at(url: &str) -> Self {
        Self { client: client(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Sends a request. Returns the status and the body: JSON, or null.
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }
}
