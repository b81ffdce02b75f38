//! Checks a running service over HTTP: anonymously, and with the given tokens.

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

/// Target of a check over HTTP.
#[derive(Debug)]
pub struct Target {
    /// URL of the API.
    pub url: Url,
    /// Certificate authority to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Port without TLS; default: 80 if the URL has no port.
    pub http_port: Option<u16>,
    /// Access token of a tenant admin, for checks that need authentication.
    pub token: Option<SecretString>,
    /// API token, to check that /admin rejects it.
    pub api_token: Option<SecretString>,
    /// Enables the probe that fails sign-ins until they are throttled.
    pub rate_probe: bool,
}

/// Checks the service.
///
/// # Errors
/// The service does not respond.
pub async fn observe(target: &Target) -> anyhow::Result<Vec<Observation>> {
    let client = Client::new(target)?;
    let health = match client.get("/healthz").await {
        Ok(health) => health,
        // The server cannot prove its identity, so no other result would be meaningful.
        Err(error) if format!("{error:#}").contains("peer certificate") => {
            let evidence = format!("the certificate is not valid: {error:#}");
            return Ok(vec![Observation::judged("EDGE-1", EvidenceSource::Url, false, evidence)]);
        }
        Err(error) => return Err(error),
    };
    let mut observations = headers::observe(&client, &health).await?;
    observations.extend(tls::observe(target, &health).await?);
    observations.extend(access::observe(&client, target, &health).await?);
    Ok(observations)
}
