//! A running service, looked at over HTTP as a stranger would, and with a token as its owner may.

mod access;
mod ciphers;
mod client;
mod headers;
mod hello;
mod plain;
mod tls;

use std::path::PathBuf;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use reqwest::Url;
use secrecy::SecretString;

use client::Client;

/// What is looked at, and with what.
#[derive(Debug)]
pub struct Target {
    /// Where the API answers.
    pub url: Url,
    /// A certificate authority to trust in the place of the public ones.
    pub ca_file: Option<PathBuf>,
    /// The port at which the host would answer without TLS; else 80 where the URL has no port of its own.
    pub http_port: Option<u16>,
    /// An administrator's access token, to see what only one may.
    pub token: Option<SecretString>,
    /// An API token, to see that it opens no door under /admin.
    pub api_token: Option<SecretString>,
    /// Whether to ask until it is too much.
    pub rate_probe: bool,
}

/// Looks at it.
///
/// # Errors
/// Nothing answers there.
pub async fn observe(target: &Target) -> anyhow::Result<Vec<Observation>> {
    let client = Client::new(target)?;
    let health = match client.get("/healthz").await {
        Ok(health) => health,
        // Something answers, and cannot prove who it is: nothing else of it is worth asking.
        Err(error) if format!("{error:#}").contains("peer certificate") => {
            let evidence = format!("the certificate does not hold: {error:#}");
            return Ok(vec![Observation::judged("EDGE-1", EvidenceSource::Url, false, evidence)]);
        }
        Err(error) => return Err(error),
    };
    let mut seen = headers::observe(&client, &health).await?;
    seen.extend(tls::observe(target, &health).await?);
    seen.extend(access::observe(&client, target, &health).await?);
    Ok(seen)
}
