//! TLS by version and cipher suite: a full handshake for what must work, the first message alone for what must be rejected.

use holdfast_shared::hardening::{EvidenceSource, Observation};

use super::ciphers::{ECDHE_CBC, OLD, WEAK};
use super::client::{Client, Response};
use super::hello::{Reply, offer};
use super::{Target, plain};

/// Minimum `max-age` of HSTS: half a year.
const MIN_HSTS_SECONDS: u64 = 15_552_000;

const TLS_1_2: [u8; 2] = [3, 3];

pub(super) async fn observe(target: &Target, health: &Response) -> anyhow::Result<Vec<Observation>> {
    let judged = |holds, evidence: String| Observation::judged("EDGE-1", EvidenceSource::Url, holds, evidence);
    if target.url.scheme() != "https" {
        return Ok(vec![judged(false, format!("{} is not encrypted", target.url))]);
    }
    let mut observations = vec![hsts(health)];
    let mut works = Vec::new();
    for (name, version) in [("TLS 1.2", &rustls::version::TLS12), ("TLS 1.3", &rustls::version::TLS13)] {
        if Client::with_versions(target, &[version])?.get("/healthz").await.is_ok() {
            works.push(name);
        }
    }
    let modern = if works.is_empty() {
        "neither TLS 1.2 nor 1.3 works".to_owned()
    } else {
        format!("{} works", works.join(", "))
    };
    observations.push(judged(!works.is_empty(), modern));
    for (name, version) in [("1.0", [3, 1]), ("1.1", [3, 2])] {
        observations.push(match offer(&target.url, version, &OLD).await? {
            Reply::Silence => no_response(&format!("TLS {name}")),
            Reply::Rejects => judged(true, format!("TLS {name} is rejected")),
            Reply::Accepts(_) => judged(false, format!("TLS {name} is accepted")),
        });
    }
    observations.extend(ciphers(target).await?);
    observations.extend(plain::observe(target).await?);
    Ok(observations)
}

/// Checks which weak cipher suites a server accepts with TLS 1.2.
async fn ciphers(target: &Target) -> anyhow::Result<Vec<Observation>> {
    let judged = |holds, evidence: String| Observation::judged("EDGE-1", EvidenceSource::Url, holds, evidence);
    let mut observations = Vec::new();
    let mut rejected = Vec::new();
    for weakness in WEAK {
        match offer(&target.url, TLS_1_2, weakness.suites).await? {
            Reply::Silence => observations.push(no_response(weakness.name)),
            Reply::Rejects => rejected.push(weakness.name),
            Reply::Accepts(suite) => {
                let evidence = format!("TLS 1.2 with {} is accepted: cipher suite {suite:#06x}", weakness.name);
                observations.push(judged(false, evidence));
            }
        }
    }
    if !rejected.is_empty() {
        observations.push(judged(true, format!("TLS 1.2 is rejected with {}", rejected.join(", "))));
    }
    if let Reply::Accepts(suite) = offer(&target.url, TLS_1_2, &ECDHE_CBC).await? {
        let evidence = format!("TLS 1.2 with ECDHE and CBC is accepted: {suite:#06x}; not modern, but no failure");
        observations.push(judged(true, evidence));
    }
    Ok(observations)
}

fn no_response(what: &str) -> Observation {
    Observation::unknown("EDGE-1", EvidenceSource::Url, format!("no response to {what} within five seconds"))
}

fn hsts(health: &Response) -> Observation {
    let header = health.header("strict-transport-security");
    let age = header.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    let evidence = format!("Strict-Transport-Security is {}", if header.is_empty() { "missing" } else { header });
    Observation::judged("EDGE-1", EvidenceSource::Url, age >= Some(MIN_HSTS_SECONDS), evidence)
}

#[cfg(test)]
mod tests {
    use holdfast_shared::hardening::Outcome;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Returns the response of a server with this one cipher suite to a first message.
    fn reply(hello: &[u8], suite: u16) -> Vec<u8> {
        let session = usize::from(hello[43]);
        let suites = &hello[44 + session..];
        let count = usize::from(u16::from_be_bytes([suites[0], suites[1]]));
        if !suites[2..2 + count].chunks(2).any(|offered| offered == suite.to_be_bytes()) {
            return vec![21, 3, 3, 0, 2, 2, 40];
        }
        let body = [&[3, 3][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        [&[22, 3, 3, 0, length + 4, 2, 0, 0, length][..], &body].concat()
    }

    /// Returns the observations of a server with this one cipher suite: real servers with the oldest suites are hard to find.
    async fn seen_of(suite: u16) -> Vec<Observation> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut hello = vec![0; 5];
                stream.read_exact(&mut hello).await.unwrap();
                hello.resize(5 + usize::from(u16::from_be_bytes([hello[3], hello[4]])), 0);
                stream.read_exact(&mut hello[5..]).await.unwrap();
                stream.write_all(&reply(&hello, suite)).await.unwrap();
            }
        });
        let target = Target { url, ca_file: None, http_port: None, token: None, api_token: None, rate_probe: false };
        let seen = ciphers(&target).await.unwrap();
        server.abort();
        seen
    }

    #[tokio::test]
    async fn each_weak_suite_is_found_and_named_by_its_weakness() {
        for weakness in WEAK {
            for suite in weakness.suites {
                let seen = seen_of(*suite).await;
                let failed: Vec<_> = seen.iter().filter(|seen| seen.outcome == Outcome::Fail).collect();
                assert_eq!(failed.len(), 1, "{suite:#06x}: {seen:?}");
                assert!(
                    failed[0].evidence.contains(&format!("{} is accepted: cipher suite {suite:#06x}", weakness.name))
                );
            }
        }
        let modern = seen_of(0xc02b).await;
        assert!(modern.iter().all(|seen| seen.outcome == Outcome::Pass) && modern.len() == 1, "{modern:?}");
        let between = seen_of(0xc027).await;
        assert!(between.iter().all(|seen| seen.outcome == Outcome::Pass) && between.len() == 2, "{between:?}");
    }
}
