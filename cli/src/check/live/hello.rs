//! The first message of a TLS handshake, built by hand: the TLS library supports neither old versions nor weak ciphers, and the
//! server's first response already shows whether it accepts them.

use std::time::Duration;

use anyhow::Context;
use holdfast_shared::rng::{Rng, SystemRng};
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit for a server's response.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Signals support for secure renegotiation (RFC 5746). Not a cipher suite.
const RENEGOTIATION: u16 = 0x00ff;

/// Response of a server to the first message.
pub(super) enum Reply {
    /// No response within [`TIME_LIMIT`].
    Silence,
    /// An alert, or a closed connection.
    Rejects,
    /// The handshake continues with this cipher suite.
    Accepts(u16),
}

/// Offers a version and cipher suites to the server.
///
/// # Errors
/// The connection fails.
pub(super) async fn offer(url: &Url, version: [u8; 2], suites: &[u16]) -> anyhow::Result<Reply> {
    let host = url.host_str().context("the URL names no host")?;
    let address = (host.trim_matches(['[', ']']), url.port_or_known_default().unwrap_or(443));
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.with_context(|| format!("{host} does not respond"))?;
        // Some servers close the connection before they have read everything.
        let _ = stream.write_all(&client_hello(version, suites, host)).await;
        anyhow::Ok(server_hello(&mut stream, version).await)
    };
    match timeout(TIME_LIMIT, exchange).await {
        Err(_) => Ok(Reply::Silence),
        Ok(reply) => Ok(reply?.map_or(Reply::Rejects, Reply::Accepts)),
    }
}

/// Reads the cipher suite that the server chooses (RFC 5246, 7.4.1.3); none if it does not continue with this version.
async fn server_hello(stream: &mut TcpStream, version: [u8; 2]) -> Option<u16> {
    let mut begin = [0; 11];
    stream.read_exact(&mut begin).await.ok()?;
    let [kind, _, _, _, _, message, _, _, _, major, minor] = begin;
    if kind != HANDSHAKE || message != SERVER_HELLO || [major, minor] > version {
        return None;
    }
    let (mut random, mut session) = ([0; 32], Vec::new());
    stream.read_exact(&mut random).await.ok()?;
    session.resize(usize::from(stream.read_u8().await.ok()?), 0);
    stream.read_exact(&mut session).await.ok()?;
    stream.read_u16().await.ok()
}

/// Builds the first message of TLS 1.0 to 1.2 (RFC 2246, 4346 and 5246, 7.4.1.2).
fn client_hello(version: [u8; 2], suites: &[u16], host: &str) -> Vec<u8> {
    let rng: &dyn Rng = &SystemRng;
    let mut hello = version.to_vec();
    hello.extend(rng.bytes::<32>());
    hello.push(0);
    let suites: Vec<u8> = suites.iter().chain([&RENEGOTIATION]).flat_map(|suite| suite.to_be_bytes()).collect();
    hello.extend(with_length(&suites));
    hello.extend([1, 0]);
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &with_length(host.as_bytes())].concat();
        extensions.extend([&[0, 0][..], &with_length(&with_length(&name))].concat());
    }
    // The curves P-256, P-384 and X25519, with uncompressed points.
    extensions.extend([&[0, 10][..], &with_length(&with_length(&[0, 0x17, 0, 0x18, 0, 0x1d]))].concat());
    extensions.extend([0, 11, 0, 2, 1, 0]);
    if version >= [3, 3] {
        // ECDSA and RSA, by SHA-2 and by SHA-1.
        let signatures = [4, 3, 5, 3, 4, 1, 5, 1, 6, 1, 8, 4, 8, 5, 8, 6, 2, 3, 2, 1];
        extensions.extend([&[0, 13][..], &with_length(&with_length(&signatures))].concat());
    }
    hello.extend(with_length(&extensions));
    let length = u32::try_from(hello.len()).unwrap_or_default().to_be_bytes();
    let message = [&[CLIENT_HELLO][..], length.get(1..).unwrap_or_default(), &hello].concat();
    [&[HANDSHAKE, 3, 1][..], &with_length(&message)].concat()
}

/// Prefixes bytes with their length in two bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes()[..], bytes].concat()
}
