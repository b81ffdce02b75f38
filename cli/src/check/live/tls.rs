//! TLS by version: a full handshake for what must work, and for what must not, the first message alone.

use std::time::Duration;

use anyhow::Context;
use shared::entropy::{Entropy, SystemEntropy};
use shared::hardening::{Observation, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;
use super::client::{Answer, Client};

/// Half a year: what browsers ask of those whom they are to remember.
const LEAST_HSTS_SECONDS: u64 = 15_552_000;

/// How long a server may take to refuse.
const PATIENCE: Duration = Duration::from_secs(5);

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

pub(super) async fn observe(target: &Target, health: &Answer) -> anyhow::Result<Vec<Observation>> {
    let judged = |holds, evidence: String| Observation::judged("EDGE-1", Place::Url, holds, evidence);
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
        seen.push(match accepts(target, version).await? {
            Some(accepted) => {
                judged(!accepted, format!("TLS {name} is {}", if accepted { "accepted" } else { "refused" }))
            }
            None => Observation::unknown("EDGE-1", Place::Url, format!("no answer to TLS {name} within five seconds")),
        });
    }
    Ok(seen)
}

fn hsts(health: &Answer) -> Observation {
    let header = health.header("strict-transport-security");
    let age = header.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    let evidence = format!("Strict-Transport-Security is {}", if header.is_empty() { "missing" } else { header });
    Observation::judged("EDGE-1", Place::Url, age >= Some(LEAST_HSTS_SECONDS), evidence)
}

/// Whether the server goes on with a handshake of this version; none where it says nothing.
async fn accepts(target: &Target, version: [u8; 2]) -> anyhow::Result<Option<bool>> {
    let host = target.url.host_str().context("the URL names no host")?;
    let address = (host.trim_matches(['[', ']']), target.url.port_or_known_default().unwrap_or(443));
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("{host} does not answer"))?;
    stream.write_all(&client_hello(version, host)).await?;
    let mut answer = [0; 11];
    match timeout(PATIENCE, stream.read_exact(&mut answer)).await {
        Err(_) => Ok(None),
        // An alert is shorter than a ServerHello, and some close without one.
        Ok(Err(_)) => Ok(Some(false)),
        Ok(Ok(_)) => {
            let [kind, _, _, _, _, message, _, _, _, major, minor] = answer;
            Ok(Some(kind == HANDSHAKE && message == SERVER_HELLO && [major, minor] <= version))
        }
    }
}

/// The first message of a handshake of TLS 1.0 or 1.1 (RFC 2246 and 4346, 7.4.1.2), with ciphers of that time.
fn client_hello(version: [u8; 2], host: &str) -> Vec<u8> {
    const SUITES: [[u8; 2]; 8] =
        [[0xc0, 0x09], [0xc0, 0x0a], [0xc0, 0x13], [0xc0, 0x14], [0, 0x2f], [0, 0x35], [0, 0x0a], [0, 0xff]];
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut hello = version.to_vec();
    hello.extend(entropy.bytes::<32>());
    hello.push(0);
    hello.extend(sized2(&SUITES.concat()));
    hello.extend([1, 0]);
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &sized2(host.as_bytes())].concat();
        extensions.extend([&[0, 0][..], &sized2(&sized2(&name))].concat());
    }
    // The curves P-256, P-384 and X25519, with points as they are.
    extensions.extend([&[0, 10][..], &sized2(&sized2(&[0, 0x17, 0, 0x18, 0, 0x1d]))].concat());
    extensions.extend([0, 11, 0, 2, 1, 0]);
    hello.extend(sized2(&extensions));
    let length = u32::try_from(hello.len()).unwrap_or_default().to_be_bytes();
    let message = [&[1][..], length.get(1..).unwrap_or_default(), &hello].concat();
    [&[HANDSHAKE, 3, 1][..], &sized2(&message)].concat()
}

/// Bytes after their length in two.
fn sized2(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes()[..], bytes].concat()
}
