//! Who gets in: strangers, holders of known credentials, tokens where they do not belong.

use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::hardening::{EvidenceSource, Observation, Outcome};
use holdfast_shared::rng::{Rng, SystemRng};
use reqwest::header::HeaderName;
use secrecy::SecretString;
use serde_json::json;

use super::Target;
use super::client::{Answer, Client};

/// What must not answer strangers.
const CLOSED: [&str; 4] = ["/admin/status", "/admin/users", "/admin/audit", "/accounts"];

/// The defaults that the checklist names, and those of our own local runs.
const KNOWN: [(Option<&str>, &str, &str); 4] = [
    (None, "admin", "changeme"),
    (Some("default"), "admin", "changeme"),
    (Some("demo"), "admin", "changeme"),
    (None, "operator", "changeme"),
];

/// An address that belongs to nobody (RFC 5737).
const NOBODY: &str = "192.0.2.1";

/// Wrong sign-ins that must be too many.
const MAX_TRIES: u32 = 30;

/// More than any route takes.
const TOO_LARGE: usize = 1 << 20;

pub(super) async fn observe(client: &Client, target: &Target, health: &Answer) -> anyhow::Result<Vec<Observation>> {
    let mut seen = strangers(client, health).await?;
    seen.push(known(client).await?);
    seen.push(large(client).await?);
    if target.rate_probe {
        seen.push(many(client).await?);
    }
    if let Some(token) = &target.api_token {
        let answer = client.get_as(token, "/admin/status", &[]).await?;
        let evidence = format!("an API token gets {} {} at /admin/status", answer.status, answer.code());
        seen.push(judged("AUTH-2", answer.status == 403 && answer.code() == "jwt_required", evidence));
    }
    if let Some(token) = &target.token {
        seen.extend([tenant(client, token).await?, forwarded(client, token).await?, verified(client, token).await?]);
    }
    Ok(seen)
}

/// A name that nobody has.
fn new_id() -> String {
    let rng: &dyn Rng = &SystemRng;
    rng.uuid(SystemClock.now()).to_string()
}

fn judged(row: &'static str, holds: bool, evidence: String) -> Observation {
    Observation::judged(row, EvidenceSource::Url, holds, evidence)
}

async fn strangers(client: &Client, health: &Answer) -> anyhow::Result<Vec<Observation>> {
    let minimal = health.status == 200 && health.json() == json!({"status": "ok"});
    let evidence = format!("/healthz answers {} {}", health.status, health.text.chars().take(80).collect::<String>());
    let mut seen = vec![judged("RUN-1", minimal, evidence)];
    for path in CLOSED {
        let status = client.get(path).await?.status;
        seen.push(judged("RUN-1", status == 401, format!("{path} answers {status} to strangers")));
    }
    let status = client.get("/metrics").await?.status;
    seen.push(judged("OBS-1", status == 401, format!("/metrics answers {status} to strangers")));
    Ok(seen)
}

async fn known(client: &Client) -> anyhow::Result<Observation> {
    let mut open = Vec::new();
    for (tenant, username, password) in KNOWN {
        let login = json!({"tenant": tenant, "username": username, "password": password});
        let answer = client.post("/auth/login", &login).await?;
        // A code that is still asked for means that the password was right.
        if answer.status == 200 || answer.code() == "mfa_required" {
            open.push(format!("{username}/{password} signs in"));
        }
    }
    let token = client.get_as(&SecretString::from("dev-token"), "/accounts", &[]).await?;
    if token.status != 401 {
        open.push(format!("dev-token gets {}", token.status));
    }
    let evidence = if open.is_empty() { "none of the known defaults gets in".to_owned() } else { open.join("; ") };
    Ok(judged("AUTH-1", open.is_empty(), evidence))
}

async fn large(client: &Client) -> anyhow::Result<Observation> {
    let body = json!({"username": "x", "password": "x".repeat(TOO_LARGE)});
    let status = client.post("/auth/login", &body).await?.status;
    Ok(judged("EDGE-3", status == 413, format!("a body of {TOO_LARGE} bytes gets {status}")))
}

async fn many(client: &Client) -> anyhow::Result<Observation> {
    let login = json!({"tenant": "none", "username": new_id(), "password": "not this one"});
    for tries in 1..=MAX_TRIES {
        if client.post("/auth/login", &login).await?.status == 429 {
            return Ok(judged("EDGE-3", true, format!("wrong sign-ins get 429 from the {tries}th on")));
        }
    }
    Ok(judged("EDGE-3", false, format!("{MAX_TRIES} wrong sign-ins in a row get no 429")))
}

async fn tenant(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let who = client.get_as(token, "/auth/whoami", &[]).await?;
    if who.at("/tenant").is_null() {
        let why = "the token is no tenant's: whose tenant could it contradict?";
        return Ok(Observation::unknown("AUTH-3", EvidenceSource::Url, why));
    }
    let other = new_id();
    let answer = client.get_as(token, "/accounts", &[(HeaderName::from_static("x-tenant-id"), &other)]).await?;
    let evidence = format!("another tenant's X-Tenant-ID gets {} {}", answer.status, answer.code());
    Ok(judged("AUTH-3", answer.code() == "tenant_mismatch", evidence))
}

async fn forwarded(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let made_up =
        [(HeaderName::from_static("x-forwarded-for"), NOBODY), (HeaderName::from_static("x-real-ip"), NOBODY)];
    let answer = client.get_as(token, "/admin/audit?limit=1", &made_up).await?;
    let id = answer.header("x-request-id");
    let rows = client.get_as(token, &format!("/admin/audit?request_id={id}"), &[]).await?;
    Ok(match rows.at("/items/0/source_ip").as_str() {
        Some(address) => judged(
            "EDGE-2",
            address != NOBODY,
            format!("a made-up X-Forwarded-For is told in the audit log as {address}"),
        ),
        None => Observation::unknown("EDGE-2", EvidenceSource::Url, "the token does not read the audit log"),
    })
}

async fn verified(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let answer = client.get_as(token, "/admin/audit/verify", &[]).await?;
    let outcome = match answer.at("/ok").as_bool() {
        Some(true) => Outcome::Pass,
        Some(false) => Outcome::Fail,
        None => Outcome::Unknown,
    };
    let evidence = format!("GET /admin/audit/verify answers {} ok: {}", answer.status, answer.at("/ok"));
    Ok(Observation { row: "AUD-1", source: EvidenceSource::Url, outcome, evidence })
}
