//! The port beside that of TLS: what a client that was told no scheme would talk to, with its token.

use anyhow::Context;
use shared::hardening::{Observation, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, Target};

/// More than the head of any answer.
const MOST_BYTES: u64 = 16 << 10;

/// Looks whether it is closed, or leads to TLS; nothing where the URL says neither.
pub(super) async fn observe(target: &Target) -> anyhow::Result<Option<Observation>> {
    let usual = target.url.scheme() == "https" && target.url.port().is_none();
    let Some(port) = target.http_port.or(usual.then_some(80)) else { return Ok(None) };
    let host = target.url.host_str().context("the URL names no host")?;
    let judged = |holds, evidence: String| Some(Observation::judged("EDGE-1", Place::Url, holds, evidence));
    Ok(match timeout(PATIENCE, ask(host, port)).await {
        Err(_) | Ok(Err(_)) => judged(true, format!("port {port} does not answer without TLS")),
        Ok(Ok(answer)) if leads_to_tls(&answer) => judged(true, format!("port {port} leads to https")),
        Ok(Ok(answer)) => {
            let first = answer.lines().next().unwrap_or_default();
            judged(false, format!("port {port} answers without TLS: {first:?}"))
        }
    })
}

async fn ask(host: &str, port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
    if answer.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(text(&answer)) }
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

/// Whether it is a redirect (RFC 9110, 15.4) to a URL of https.
fn leads_to_tls(answer: &str) -> bool {
    let mut lines = answer.lines();
    let redirects = lines.next().and_then(|line| line.split(' ').nth(1)).is_some_and(|status| status.starts_with("30"));
    let location = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then_some(value.trim())
    });
    redirects && location.is_some_and(|location| location.starts_with("https://"))
}
