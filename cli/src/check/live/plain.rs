//! HTTP without TLS, at the same host: nobody there, or a redirect to https, and never content.

use std::io::ErrorKind;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;
use super::client::Client;
use super::hello::PATIENCE;

/// The port that browsers try first.
const HTTP: u16 = 80;

/// Asks without TLS. An address with a port of its own says nothing about where that would be, and is asked at a given port alone.
pub(super) async fn observe(target: &Target) -> anyhow::Result<Option<Observation>> {
    let Some(port) = target.http_port.or_else(|| target.url.port().is_none().then_some(HTTP)) else {
        return Ok(None);
    };
    let mut plain = target.url.clone();
    if plain.set_scheme("http").is_err() || plain.set_port(Some(port)).is_err() {
        return Ok(None);
    }
    let (holds, seen) = match closed(&plain, port).await {
        Some(why) => (true, why),
        None => answered(target, plain.clone()).await?,
    };
    Ok(Some(Observation::judged("EDGE-1", EvidenceSource::Url, holds, format!("without TLS, port {port} {seen}"))))
}

/// Why nobody is there; none where somebody is.
async fn closed(plain: &Url, port: u16) -> Option<String> {
    let host = plain.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Err(_) => Some(format!("takes no connection within {} seconds, which counts as closed", PATIENCE.as_secs())),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Some("is closed".to_owned()),
        Ok(Err(error)) => Some(format!("is not reached: {error}")),
        Ok(Ok(_)) => None,
    }
}

/// Whether what answers is a redirect, and what it was.
async fn answered(target: &Target, plain: Url) -> anyhow::Result<(bool, String)> {
    let Ok(answer) = Client::new(target)?.at(plain).get("/healthz").await else {
        return Ok((true, "takes connections, and says nothing in HTTP".to_owned()));
    };
    let location = answer.header("location");
    let redirects = matches!(answer.status, 301 | 302 | 303 | 307 | 308) && location.starts_with("https://");
    let to = if redirects { "to https" } else { "and goes on without it" };
    Ok((redirects, format!("answers {} {to}", answer.status)))
}
