//! Security headers of every response, and secrets in public content.

use holdfast_shared::hardening::{EvidenceSource, Observation};

use super::client::{Client, Response};

/// Public paths.
const PUBLIC: [&str; 8] = [
    "/",
    "/healthz",
    "/.well-known/jwks.json",
    "/.well-known/audit-jwks.json",
    "/console/",
    PAGE,
    "/console/app.js",
    "/console/session.js",
];

/// Page of the console.
const PAGE: &str = "/console/index.html";

/// Beginnings of values that must never be served: an API token, a JWT, an AWS key, a private key, the old default token.
const TOKENS: [&str; 5] = ["hfk_", "eyJhbGciOi", "AKIA", "-----BEGIN", "dev-token"];

pub(super) async fn observe(client: &Client, health: &Response) -> anyhow::Result<Vec<Observation>> {
    let mut observations = vec![policy("/healthz", health)];
    observations.push(policy("/nothing-here", &client.get("/nothing-here").await?));
    observations.push(policy(PAGE, &client.get(PAGE).await?));
    let mut found = Vec::new();
    for path in PUBLIC {
        let text = client.get(path).await?.text;
        found.extend(
            TOKENS.iter().filter(|token| text.contains(*token)).map(|token| format!("{path} serves {token}...")),
        );
    }
    let evidence = if found.is_empty() { "no public content contains a token".to_owned() } else { found.join("; ") };
    observations.push(Observation::judged("WEB-2", EvidenceSource::Url, found.is_empty(), evidence));
    Ok(observations)
}

/// Judges whether a response forbids loading and framing by default.
fn policy(path: &str, response: &Response) -> Observation {
    let policy = response.header("content-security-policy");
    let strict =
        (policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'")) || policy == "sandbox";
    let kept = response.header("x-content-type-options") == "nosniff";
    let evidence = format!(
        "{path} has Content-Security-Policy {}, X-Content-Type-Options {}",
        named(policy),
        named(response.header("x-content-type-options"))
    );
    Observation::judged("WEB-1", EvidenceSource::Url, strict && kept, evidence)
}

fn named(value: &str) -> &str {
    if value.is_empty() { "missing" } else { value }
}
