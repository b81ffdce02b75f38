//! TLS by version and cipher: a full handshake for what must work, and for what must not, the first message alone.

use holdfast_shared::hardening::{EvidenceSource, Observation};

use super::ciphers::{ECDHE_CBC, OLD, WEAK};
use super::client::{Answer, Client};
use super::hello::{Reply, offer};
use super::{Target, plain};

/// Half a year: what browsers ask of those whom they are to remember.
const LEAST_HSTS_SECONDS: u64 = 15_552_000;

const TLS_1_2: [u8; 2] = [3, 3];

pub(super) async fn observe(target: &Target, health: &Answer) -> anyhow::Result<Vec<Observation>> {
    let judged = |holds, evidence: String| Observation::judged("EDGE-1", EvidenceSource::Url, holds, evidence);
    if target.url.scheme() != "https" {
        return Ok(vec![judged(false, format!("{} is not encrypted", target.url))]);
    }
    let mut seen = vec![hsts(health)];
    let mut works = Vec::new();
    for (name, version) in [("TLS 1.2", &rustls::version::TLS12), ("TLS 1.3", &rustls::version::TLS13)] {
        if Client::speaking(target, &[version])?.get("/healthz").await.is_ok() {
            works.push(name);
        }
    }
    let modern = if works.is_empty() {
        "neither TLS 1.2 nor 1.3 works".to_owned()
    } else {
        format!("{} works", works.join(", "))
    };
    seen.push(judged(!works.is_empty(), modern));
    for (name, version) in [("1.0", [3, 1]), ("1.1", [3, 2])] {
        seen.push(match offer(&target.url, version, &OLD).await? {
            Reply::Silence => unanswered(&format!("TLS {name}")),
            Reply::ConfigError => judged(true, format!("TLS {name} is refused")),
            Reply::Accepts(_) => judged(false, format!("TLS {name} is accepted")),
        });
    }
    seen.extend(ciphers(target).await?);
    seen.extend(plain::observe(target).await?);
    Ok(seen)
}

/// What a client of TLS 1.2 gets that can do nothing good.
async fn ciphers(target: &Target) -> anyhow::Result<Vec<Observation>> {
    let judged = |holds, evidence: String| Observation::judged("EDGE-1", EvidenceSource::Url, holds, evidence);
    let mut seen = Vec::new();
    let mut refused = Vec::new();
    for weakness in WEAK {
        match offer(&target.url, TLS_1_2, weakness.suites).await? {
            Reply::Silence => seen.push(unanswered(weakness.name)),
            Reply::ConfigError => refused.push(weakness.name),
            Reply::Accepts(suite) => {
                let evidence = format!("TLS 1.2 with {} is accepted: cipher suite {suite:#06x}", weakness.name);
                seen.push(judged(false, evidence));
            }
        }
    }
    if !refused.is_empty() {
        seen.push(judged(true, format!("TLS 1.2 is refused with {}", refused.join(", "))));
    }
    if let Reply::Accepts(suite) = offer(&target.url, TLS_1_2, &ECDHE_CBC).await? {
        let evidence = format!("TLS 1.2 with ECDHE and CBC is accepted: {suite:#06x}; not modern, and no failure");
        seen.push(judged(true, evidence));
    }
    Ok(seen)
}

fn unanswered(what: &str) -> Observation {
    Observation::unknown("EDGE-1", EvidenceSource::Url, format!("no answer to {what} within five seconds"))
}

fn hsts(health: &Answer) -> Observation {
    let header = health.header("strict-transport-security");
    let age = header.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    let evidence = format!("Strict-Transport-Security is {}", if header.is_empty() { "missing" } else { header });
    Observation::judged("EDGE-1", EvidenceSource::Url, age >= Some(LEAST_HSTS_SECONDS), evidence)
}

#[cfg(test)]
mod tests {
    use holdfast_shared::hardening::Outcome;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a server with this one cipher suite says to a first message.
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

    /// What is seen of a server with this one cipher suite. Servers that still have those of the nineties are hard to find.
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
