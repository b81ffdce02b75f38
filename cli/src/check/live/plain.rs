//! HTTP without TLS on the same host: the port must be closed or redirect to https, and never serve content.

use std::io::ErrorKind;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;
use super::client::Client;
use super::hello::TIME_LIMIT;

/// Default port of browsers.
const HTTP: u16 = 80;

/// Probes without TLS. If the URL has a port, the port without TLS has to be given; otherwise nothing is probed.
pub(super) async fn observe(target: &Target) -> anyhow::Result<Option<Observation>> {
    let Some(port) = target.http_port.or_else(|| target.url.port().is_none().then_some(HTTP)) else {
        return Ok(None);
    };
    let mut plain = target.url.clone();
    if plain.set_scheme("http").is_err() || plain.set_port(Some(port)).is_err() {
        return Ok(None);
    }
    let (holds, found) = match closed(&plain).await {
        Some(why) => (true, why),
        None => response(target, plain.clone()).await?,
    };
    Ok(Some(Observation::judged("EDGE-1", EvidenceSource::Url, holds, format!("without TLS, port {port} {found}"))))
}

/// Returns the reason why the port counts as closed; none if it is open.
async fn closed(plain: &Url) -> Option<String> {
    let host = plain.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match timeout(TIME_LIMIT, TcpStream::connect((host, plain.port_or_known_default().unwrap_or(HTTP)))).await {
        Err(_) => {
            Some(format!("accepts no connection within {} seconds, which counts as closed", TIME_LIMIT.as_secs()))
        }
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Some("is closed".to_owned()),
        Ok(Err(error)) => Some(format!("cannot be reached: {error}")),
        Ok(Ok(_)) => None,
    }
}

/// Returns whether the response is a redirect, and a description.
async fn response(target: &Target, plain: Url) -> anyhow::Result<(bool, String)> {
    let Ok(response) = Client::new(target)?.at(plain).get("/healthz").await else {
        return Ok((true, "accepts connections, and does not respond in HTTP".to_owned()));
    };
    let location = response.header("location");
    let redirects = matches!(response.status, 301 | 302 | 303 | 307 | 308) && location.starts_with("https://");
    let to = if redirects { "to https" } else { "and continues without it" };
    Ok((redirects, format!("responds with {} {to}", response.status)))
}
