//! What every answer carries, and what is served to strangers.

use holdfast_shared::hardening::{EvidenceSource, Observation};

use super::client::{Answer, Client};

/// What anybody may fetch.
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

/// The console.
const PAGE: &str = "/console/index.html";

/// How what must never be served begins: an API token of ours, a JWT, an AWS key, a private key, the old default.
const TOKENS: [&str; 5] = ["hfk_", "eyJhbGciOi", "AKIA", "-----BEGIN", "dev-token"];

pub(super) async fn observe(client: &Client, health: &Answer) -> anyhow::Result<Vec<Observation>> {
    let mut seen = vec![policy("/healthz", health)];
    seen.push(policy("/nothing-here", &client.get("/nothing-here").await?));
    seen.push(policy(PAGE, &client.get(PAGE).await?));
    let mut found = Vec::new();
    for path in PUBLIC {
        let text = client.get(path).await?.text;
        found.extend(
            TOKENS.iter().filter(|token| text.contains(*token)).map(|token| format!("{path} serves {token}...")),
        );
    }
    let evidence = if found.is_empty() {
        "nothing that is served to strangers holds a token".to_owned()
    } else {
        found.join("; ")
    };
    seen.push(Observation::judged("WEB-2", EvidenceSource::Url, found.is_empty(), evidence));
    Ok(seen)
}

/// Whether an answer may load nothing but what it names, and stand in no frame.
fn policy(path: &str, answer: &Answer) -> Observation {
    let policy = answer.header("content-security-policy");
    let strict =
        (policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'")) || policy == "sandbox";
    let kept = answer.header("x-content-type-options") == "nosniff";
    let evidence = format!(
        "{path} has Content-Security-Policy {}, X-Content-Type-Options {}",
        named(policy),
        named(answer.header("x-content-type-options"))
    );
    Observation::judged("WEB-1", EvidenceSource::Url, strict && kept, evidence)
}

fn named(value: &str) -> &str {
    if value.is_empty() { "missing" } else { value }
}
