//! Access control: anonymous callers, known default credentials, and tokens on routes that must reject them.

use futures_util::future::try_join_all;
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::hardening::{EvidenceSource, Observation, Outcome};
use holdfast_shared::rng::{Rng, SystemRng};
use reqwest::header::HeaderName;
use secrecy::SecretString;
use serde_json::json;

use super::Target;
use super::client::{Client, Response};

/// Paths that must reject anonymous callers.
const CLOSED: [&str; 4] = ["/admin/status", "/admin/users", "/admin/audit", "/accounts"];

/// Known default credentials: those that the catalogue names, and those of a local run's users.
const KNOWN: [(Option<&str>, &str, &str); 4] = [
    (None, "admin", "changeme"),
    (Some("default"), "admin", "changeme"),
    (Some("demo"), "admin", "changeme"),
    (None, "operator", "changeme"),
];

/// A documentation address, which no client has (RFC 5737).
const FORGED_ADDRESS: &str = "192.0.2.1";

/// Number of failed sign-ins within which throttling must begin.
const MAX_TRIES: u32 = 30;

/// Number of simultaneous sign-ins of one user, and how many of them may be evaluated.
const SIMULTANEOUS: usize = 24;
const MAX_EVALUATED: usize = 10;

/// Length of a body that every route rejects.
const TOO_LARGE: usize = 1 << 20;

pub(super) async fn observe(client: &Client, target: &Target, health: &Response) -> anyhow::Result<Vec<Observation>> {
    let mut observations = anonymous(client, health).await?;
    observations.push(known(client).await?);
    observations.push(large(client).await?);
    if target.rate_probe {
        observations.extend([many(client).await?, simultaneous(client).await?]);
    }
    if let Some(token) = &target.api_token {
        let response = client.get_as(token, "/admin/status", &[]).await?;
        let evidence = format!("an API token gets {} {} at /admin/status", response.status, response.code());
        observations.push(judged("AUTH-2", response.status == 403 && response.code() == "jwt_required", evidence));
    }
    if let Some(token) = &target.token {
        observations.extend([
            tenant(client, token).await?,
            forwarded(client, token).await?,
            verified(client, token).await?,
        ]);
    }
    Ok(observations)
}

/// Generates an id that does not exist.
fn new_id() -> String {
    let rng: &dyn Rng = &SystemRng;
    rng.uuid(SystemClock.now()).to_string()
}

fn judged(row: &'static str, holds: bool, evidence: String) -> Observation {
    Observation::judged(row, EvidenceSource::Url, holds, evidence)
}

async fn anonymous(client: &Client, health: &Response) -> anyhow::Result<Vec<Observation>> {
    let minimal = health.status == 200 && health.json() == json!({"status": "ok"});
    let evidence =
        format!("/healthz responds with {} {}", health.status, health.text.chars().take(80).collect::<String>());
    let mut observations = vec![judged("RUN-1", minimal, evidence)];
    for path in CLOSED {
        let status = client.get(path).await?.status;
        observations.push(judged(
            "RUN-1",
            status == 401,
            format!("{path} responds with {status} to anonymous callers"),
        ));
    }
    let status = client.get("/metrics").await?.status;
    observations.push(judged("OBS-1", status == 401, format!("/metrics responds with {status} to anonymous callers")));
    Ok(observations)
}

async fn known(client: &Client) -> anyhow::Result<Observation> {
    let mut open = Vec::new();
    for (tenant, username, password) in KNOWN {
        let login = json!({"tenant": tenant, "username": username, "password": password});
        let response = client.post("/auth/login", &login).await?;
        // A required second factor means that the password was right.
        if response.status == 200 || response.code() == "mfa_required" {
            open.push(format!("{username}/{password} signs in"));
        }
    }
    let token = client.get_as(&SecretString::from("dev-token"), "/accounts", &[]).await?;
    if token.status != 401 {
        open.push(format!("dev-token gets {}", token.status));
    }
    let evidence = if open.is_empty() { "no known default credential is accepted".to_owned() } else { open.join("; ") };
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
            return Ok(judged("EDGE-3", true, format!("failed sign-ins get 429 from the {tries}th on")));
        }
    }
    Ok(judged("EDGE-3", false, format!("{MAX_TRIES} failed sign-ins in a row get no 429")))
}

/// Sends sign-ins at the same time: where they are counted only after they were evaluated, all of them are.
async fn simultaneous(client: &Client) -> anyhow::Result<Observation> {
    let login = json!({"tenant": "none", "username": new_id(), "password": "not this one"});
    let responses = try_join_all((0..SIMULTANEOUS).map(|_| client.post("/auth/login", &login))).await?;
    let count = |status: u16| responses.iter().filter(|response| response.status == status).count();
    let (evaluated, limited) = (count(401), count(429));
    let evidence = format!("of {SIMULTANEOUS} simultaneous sign-ins {evaluated} were evaluated, and {limited} got 429");
    Ok(judged("AUTH-5", evaluated <= MAX_EVALUATED && limited > 0, evidence))
}

async fn tenant(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let who = client.get_as(token, "/auth/whoami", &[]).await?;
    if who.at("/tenant").is_null() {
        let why = "the token belongs to no tenant, so no tenant header can contradict it";
        return Ok(Observation::unknown("AUTH-3", EvidenceSource::Url, why));
    }
    let other = new_id();
    let response = client.get_as(token, "/accounts", &[(HeaderName::from_static("x-tenant-id"), &other)]).await?;
    let evidence = format!("another tenant's X-Tenant-ID gets {} {}", response.status, response.code());
    Ok(judged("AUTH-3", response.code() == "tenant_mismatch", evidence))
}

async fn forwarded(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let forged = [
        (HeaderName::from_static("x-forwarded-for"), FORGED_ADDRESS),
        (HeaderName::from_static("x-real-ip"), FORGED_ADDRESS),
    ];
    let response = client.get_as(token, "/admin/audit?limit=1", &forged).await?;
    let id = response.header("x-request-id");
    let rows = client.get_as(token, &format!("/admin/audit?request_id={id}"), &[]).await?;
    Ok(match rows.at("/items/0/source_ip").as_str() {
        Some(address) => judged(
            "EDGE-2",
            address != FORGED_ADDRESS,
            format!("a forged X-Forwarded-For is recorded in the audit log as {address}"),
        ),
        None => Observation::unknown("EDGE-2", EvidenceSource::Url, "the token may not read the audit log"),
    })
}

async fn verified(client: &Client, token: &SecretString) -> anyhow::Result<Observation> {
    let response = client.get_as(token, "/admin/audit/verify", &[]).await?;
    let outcome = match response.at("/ok").as_bool() {
        Some(true) => Outcome::Pass,
        Some(false) => Outcome::Fail,
        None => Outcome::Unknown,
    };
    let evidence = format!("GET /admin/audit/verify responds with {} ok: {}", response.status, response.at("/ok"));
    Ok(Observation { row: "AUD-1", source: EvidenceSource::Url, outcome, evidence })
}
