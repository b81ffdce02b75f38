//! HTTP as the tests speak it: to the servers that stand in for AWS, and to services elsewhere.

use bytes::Bytes;
use http::{Request, Response, header};
use serde_json::Value;

/// A client with connections of its own: a test's runtime ends, and its connections with it.
fn client() -> reqwest::Client {
    let tls = holdfast_shared::tls::client(None, rustls::DEFAULT_VERSIONS).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

/// Sends a request, and reads the answer to its end.
pub(crate) async fn send(request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    // Who is spoken to is in the URI; a request that is passed on names another.
    parts.headers.remove(header::HOST);
    let request = Request::from_parts(parts, body.into());
    let answer = client().execute(request.try_into().unwrap()).await.unwrap_or_else(|error| panic!("{error:?}"));
    let mut response = Response::new(Bytes::new());
    (*response.status_mut(), *response.headers_mut()) = (answer.status(), answer.headers().clone());
    *response.body_mut() = answer.bytes().await.unwrap();
    response
}

/// A service somewhere, over HTTP or verified TLS.
pub struct Web {
    client: reqwest::Client,
    url: String,
}

impl Web {
    /// The service that answers at this URL.
    pub fn at(url: &str) -> Self {
        Self { client: client(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Sends a request, and gives the status and the body: JSON, or null.
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }
}
