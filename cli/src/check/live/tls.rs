//! TLS by version and by cipher: a full handshake for what must work, and for what must not, the first message alone.

use anyhow::Context;
use shared::entropy::{Entropy, SystemEntropy};
use shared::hardening::{Observation, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Answer, Client};
use super::{PATIENCE, Target};

/// Half a year: what browsers ask of those whom they are to remember.
const LEAST_HSTS_SECONDS: u64 = 15_552_000;

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

/// Suites of the time of TLS 1.0 and 1.1.
const OLD_SUITES: [[u8; 2]; 8] =
    [[0xc0, 0x09], [0xc0, 0x0a], [0xc0, 0x13], [0xc0, 0x14], [0, 0x2f], [0, 0x35], [0, 0x0a], [0, 0xff]];

/// Suites of TLS 1.2 that give nothing, or not enough: without encryption or without a certificate, for export, with broken ciphers,
/// and those without forward secrecy, which Mozilla's intermediate configuration leaves out as well. The names are the IANA's,
/// without `TLS_`.
const WEAK_SUITES: [([u8; 2], &str); 21] = [
    ([0x00, 0x01], "RSA_WITH_NULL_MD5"),
    ([0x00, 0x02], "RSA_WITH_NULL_SHA"),
    ([0x00, 0x3b], "RSA_WITH_NULL_SHA256"),
    ([0xc0, 0x06], "ECDHE_ECDSA_WITH_NULL_SHA"),
    ([0xc0, 0x10], "ECDHE_RSA_WITH_NULL_SHA"),
    ([0x00, 0x34], "DH_anon_WITH_AES_128_CBC_SHA"),
    ([0x00, 0xa6], "DH_anon_WITH_AES_128_GCM_SHA256"),
    ([0xc0, 0x18], "ECDH_anon_WITH_AES_128_CBC_SHA"),
    ([0x00, 0x03], "RSA_EXPORT_WITH_RC4_40_MD5"),
    ([0x00, 0x08], "RSA_EXPORT_WITH_DES40_CBC_SHA"),
    ([0x00, 0x05], "RSA_WITH_RC4_128_SHA"),
    ([0xc0, 0x07], "ECDHE_ECDSA_WITH_RC4_128_SHA"),
    ([0xc0, 0x11], "ECDHE_RSA_WITH_RC4_128_SHA"),
    ([0x00, 0x0a], "RSA_WITH_3DES_EDE_CBC_SHA"),
    ([0xc0, 0x08], "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"),
    ([0xc0, 0x12], "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    ([0x00, 0x2f], "RSA_WITH_AES_128_CBC_SHA"),
    ([0x00, 0x35], "RSA_WITH_AES_256_CBC_SHA"),
    ([0x00, 0x3c], "RSA_WITH_AES_128_CBC_SHA256"),
    ([0x00, 0x9c], "RSA_WITH_AES_128_GCM_SHA256"),
    ([0x00, 0x9d], "RSA_WITH_AES_256_GCM_SHA384"),
];

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
        seen.push(match ask(target, version, &OLD_SUITES).await? {
            Reply::Silence => Observation::unknown("EDGE-1", Place::Url, silence(&format!("TLS {name}"))),
            Reply::Hello { version: chosen, .. } if chosen <= version => {
                judged(false, format!("TLS {name} is accepted"))
            }
            Reply::Hello { .. } | Reply::Refusal => judged(true, format!("TLS {name} is refused")),
        });
    }
    let weak: Vec<_> = WEAK_SUITES.iter().map(|(suite, _)| *suite).collect();
    seen.push(match ask(target, [3, 3], &weak).await? {
        Reply::Silence => Observation::unknown("EDGE-1", Place::Url, silence("weak ciphers")),
        Reply::Refusal => judged(true, "weak ciphers are refused".to_owned()),
        Reply::Hello { suite, .. } => {
            let name = WEAK_SUITES.iter().find(|(weak, _)| *weak == suite).map_or("one not offered", |(_, name)| name);
            judged(false, format!("a weak cipher is accepted: {name}"))
        }
    });
    Ok(seen)
}

fn silence(what: &str) -> String {
    format!("no answer to {what} within {} seconds", PATIENCE.as_secs())
}

fn hsts(health: &Answer) -> Observation {
    let header = health.header("strict-transport-security");
    let age = header.split(';').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    let evidence = format!("Strict-Transport-Security is {}", if header.is_empty() { "missing" } else { header });
    Observation::judged("EDGE-1", Place::Url, age >= Some(LEAST_HSTS_SECONDS), evidence)
}

/// What a server makes of the first message of a handshake.
enum Reply {
    /// It goes on, with what it chose.
    Hello { version: [u8; 2], suite: [u8; 2] },
    /// It ends the handshake.
    Refusal,
    /// It says nothing.
    Silence,
}

/// Offers a version and suites of ciphers.
async fn ask(target: &Target, version: [u8; 2], suites: &[[u8; 2]]) -> anyhow::Result<Reply> {
    let host = target.url.host_str().context("the URL names no host")?;
    let address = (host.trim_matches(['[', ']']), target.url.port_or_known_default().unwrap_or(443));
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("{host} does not answer"))?;
    stream.write_all(&client_hello(version, host, suites)).await?;
    let Ok(answer) = timeout(PATIENCE, record(&mut stream)).await else { return Ok(Reply::Silence) };
    // An alert is no ServerHello, and some close without one.
    Ok(answer.ok().as_deref().and_then(server_hello).unwrap_or(Reply::Refusal))
}

/// The handshake message in a record (RFC 5246, 6.2.1).
async fn record(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let [kind, _, _, high, low] = {
        let mut header = [0; 5];
        stream.read_exact(&mut header).await?;
        header
    };
    let mut message = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut message).await?;
    if kind == HANDSHAKE { Ok(message) } else { Ok(Vec::new()) }
}

/// The version and suite that a `ServerHello` chose (RFC 5246, 7.4.1.3); none where the message is no such.
fn server_hello(message: &[u8]) -> Option<Reply> {
    let version = [*message.get(4)?, *message.get(5)?];
    let session_id = usize::from(*message.get(38)?);
    let suite = [*message.get(39 + session_id)?, *message.get(40 + session_id)?];
    (*message.first()? == SERVER_HELLO).then_some(Reply::Hello { version, suite })
}

/// The first message of a handshake (RFC 2246, 4346 and 5246, 7.4.1.2).
fn client_hello(version: [u8; 2], host: &str, suites: &[[u8; 2]]) -> Vec<u8> {
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut hello = version.to_vec();
    hello.extend(entropy.bytes::<32>());
    hello.push(0);
    hello.extend(sized2(&suites.concat()));
    hello.extend([1, 0]);
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &sized2(host.as_bytes())].concat();
        extensions.extend([&[0, 0][..], &sized2(&sized2(&name))].concat());
    }
    // The curves P-256, P-384 and X25519, with points as they are.
    extensions.extend([&[0, 10][..], &sized2(&sized2(&[0, 0x17, 0, 0x18, 0, 0x1d]))].concat());
    extensions.extend([0, 11, 0, 2, 1, 0]);
    if version == [3, 3] {
        // ECDSA, RSA-PSS and RSA with SHA-256, and the older ones with SHA-1.
        extensions.extend([&[0, 13][..], &sized2(&sized2(&[4, 3, 8, 4, 4, 1, 2, 3, 2, 1]))].concat());
    }
    hello.extend(sized2(&extensions));
    let length = u32::try_from(hello.len()).unwrap_or_default().to_be_bytes();
    let message = [&[1][..], length.get(1..).unwrap_or_default(), &hello].concat();
    [&[HANDSHAKE, 3, 1][..], &sized2(&message)].concat()
}

/// Bytes after their length in two.
fn sized2(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes()[..], bytes].concat()
}
