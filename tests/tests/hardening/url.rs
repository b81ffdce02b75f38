//! The checklist from outside: a gateway behind a TLS edge passes, and each fault of the edge, or of the gateway behind it,
//! fails its own control and no other.

use std::collections::BTreeMap;
use std::process::Command;

use holdfast::check::live::{self, Target};
use holdfast::check::{Targets, report};
use holdfast::local::{self, Options, Running};
use holdfast_shared::config::BootstrapUser;
use holdfast_shared::hardening::{self, CATALOGUE, Observation, Outcome};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::SystemRng;
use holdfast_tests::app::TestApp;
use holdfast_tests::nginx::{Edge, Nginx};
use holdfast_tests::wire::Web;
use holdfast_tests::{secrets, tools};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The headers that make a response of nginx look like one of the gateway.
const HEADERS: &str = "add_header Content-Security-Policy \"default-src 'none'; frame-ancestors 'none'\" always;
    add_header X-Content-Type-Options nosniff always; add_header Strict-Transport-Security max-age=63072000 always;
    default_type application/json;";

const USUAL: Edge<'static> =
    Edge { tls: None, rsa: false, plain: "return 308 https://$host$request_uri;", server: "", location: "" };

/// Edges without a fault, beside the usual one.
const WELL: [Edge<'static>; 3] = [
    Edge { plain: "", ..USUAL },
    Edge { tls: Some("ssl_protocols TLSv1.3;"), ..USUAL },
    Edge { tls: Some("ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM:ECDHE+AES;"), rsa: true, ..USUAL },
];

/// Faults of the edge, each with the control that it fails.
const FAULTS: &[(&str, Edge<'static>)] = &[
    ("EDGE-1", Edge { tls: Some("ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"), ..USUAL }),
    (
        "EDGE-1",
        Edge {
            tls: Some(
                "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:AECDH-AES128-SHA:@SECLEVEL=0;",
            ),
            ..USUAL
        },
    ),
    ("EDGE-1", Edge { plain: "proxy_pass GATEWAY;", ..USUAL }),
    ("EDGE-1", Edge { plain: "return 301 http://elsewhere.example$request_uri;", ..USUAL }),
    ("EDGE-1", Edge { location: "proxy_hide_header Strict-Transport-Security;", ..USUAL }),
    ("WEB-1", Edge { location: "proxy_hide_header Content-Security-Policy;", ..USUAL }),
    ("WEB-1", Edge { location: "proxy_hide_header X-Content-Type-Options;", ..USUAL }),
    (
        "RUN-1",
        Edge { server: "location = /healthz { HEADERS return 200 '{\"status\":\"ok\",\"version\":\"1\"}'; }", ..USUAL },
    ),
    ("RUN-1", Edge { server: "location = /admin/users { HEADERS return 200 '{}'; }", ..USUAL }),
    ("OBS-1", Edge { server: "location = /metrics { HEADERS return 200 'up 1'; }", ..USUAL }),
    (
        "EDGE-3",
        Edge {
            server: "location = /auth/login { if ($content_length ~ '^[0-9]{6,}$') { return 400; } proxy_pass GATEWAY; }",
            ..USUAL
        },
    ),
    ("AUTH-3", Edge { location: "proxy_set_header X-Tenant-ID '';", ..USUAL }),
    (
        "AUTH-2",
        Edge {
            server: "location = /admin/status { if ($http_authorization ~ hfk_) { return 200 '{}'; } proxy_pass GATEWAY; }",
            ..USUAL
        },
    ),
    (
        "EDGE-2",
        Edge {
            location: "sub_filter_types application/json; sub_filter '\"source_ip\":\"127.0.0.1\"' '\"source_ip\":\"192.0.2.1\"';",
            ..USUAL
        },
    ),
    (
        "AUD-1",
        Edge { location: "sub_filter_types application/json; sub_filter '\"ok\":true' '\"ok\":false';", ..USUAL },
    ),
    ("WEB-2", Edge { server: "location = /console/ { return 200 'let token = \"hfk_0123456789\"'; }", ..USUAL }),
];

/// Faults that fail EDGE-1 only, each with its evidence.
const WEAK: &[(&str, Edge<'static>)] = &[
    (
        "responds with 200 and continues without it",
        Edge { plain: "HEADERS return 200 '{\"status\":\"ok\"}';", ..USUAL },
    ),
    ("responds with 404 and continues without it", Edge { plain: "HEADERS return 404 '{}';", ..USUAL }),
    ("responds with 301 and continues without it", Edge { plain: "return 301 http://$host/elsewhere;", ..USUAL }),
    (
        "TLS 1.2 with no forward secrecy is accepted: cipher suite 0x009c",
        Edge { tls: Some("ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM:AES128-GCM-SHA256;"), rsa: true, ..USUAL },
    ),
    (
        "TLS 1.2 with no certificate is accepted: cipher suite 0xc018",
        Edge { tls: Some("ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM:AECDH-AES128-SHA:@SECLEVEL=0;"), ..USUAL },
    ),
    (
        "TLS 1.2 with no encryption is accepted: cipher suite 0xc006",
        Edge {
            tls: Some("ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0;"),
            ..USUAL
        },
    ),
];

/// A gateway with a database of its own, and the credentials of the check.
struct Service {
    running: Running,
    token: SecretString,
    api_token: SecretString,
}

impl Service {
    async fn start() -> Self {
        let running = local::start(Options::ephemeral()).await.unwrap();
        let (web, login) = (Web::at(&running.url), &running.credentials.users["admin"]);
        secrets::keep(&login.password);
        let body =
            json!({"tenant": running.credentials.tenant, "username": login.username, "password": login.password});
        let token = text(&web.send("POST", "/auth/login", None, Some(&body)).await.1["access_token"]);
        let body = json!({"name": "reader", "scopes": ["accounts:read"]});
        let api_token = text(&web.send("POST", "/auth/tokens", Some(&token), Some(&body)).await.1["token"]);
        for secret in [&token, &api_token] {
            secrets::keep(secret);
        }
        Self { running, token: token.into(), api_token: api_token.into() }
    }

    /// Checks the gateway through an edge. Returns the result of each control, and all observations.
    async fn check_through(&self, edge: Edge<'_>) -> (BTreeMap<&'static str, Outcome>, String) {
        let [server, plain] = [edge.server, edge.plain].map(|directives| directives.replace("HEADERS", HEADERS));
        let nginx = Nginx::before(&self.running.url, Edge { server: &server, plain: &plain, ..edge }).await;
        let target = Target {
            url: nginx.url.parse().unwrap(),
            ca_file: Some(nginx.authority.clone()),
            http_port: Some(nginx.http_port),
            token: Some(self.token.clone()),
            api_token: Some(self.api_token.clone()),
            rate_probe: false,
        };
        let observations = live::observe(&target).await.unwrap();
        let findings = hardening::findings(&observations).into_iter().filter(|finding| !finding.evidence.is_empty());
        (findings.map(|finding| (finding.id, finding.result)).collect(), format!("{observations:#?}"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text but {value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_edge_passes_and_each_fault_fails_only_its_own_control() {
    let service = Service::start().await;
    let (well, seen) = service.check_through(USUAL).await;
    assert!(well.values().all(|outcome| *outcome == Outcome::Pass), "{seen}");
    assert_eq!(well.len(), 11, "{well:?}");
    for edge in WELL {
        let (results, seen) = service.check_through(edge).await;
        assert_eq!(results, well, "{edge:?}: {seen}");
    }
    for (control, edge) in FAULTS {
        let (results, seen) = service.check_through(*edge).await;
        let changed: Vec<_> = well.keys().copied().filter(|id| well[id] != results[id]).collect();
        assert_eq!((changed, results[control]), (vec![*control], Outcome::Fail), "{edge:?}: {seen}");
    }
    for (evidence, edge) in WEAK {
        let (results, seen) = service.check_through(*edge).await;
        let changed: Vec<_> = well.keys().copied().filter(|id| well[id] != results[id]).collect();
        assert_eq!((changed, results["EDGE-1"]), (vec!["EDGE-1"], Outcome::Fail), "{edge:?}: {seen}");
        assert!(seen.matches("outcome: Fail").count() == 1 && seen.contains(evidence), "{edge:?}: {seen}");
    }
    service.running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn known_default_credentials_are_found_and_rates_probed_only_on_request() {
    let app = TestApp::start().await;
    let observe = async |rate_probe| {
        let url = format!("http://{}", app.listen().await).parse().unwrap();
        live::observe(&Target { url, ca_file: None, http_port: None, token: None, api_token: None, rate_probe })
            .await
            .unwrap()
    };
    let outcome = |observations: &[Observation], row: &str, evidence: &str| {
        let found = observations.iter().find(|seen| seen.row == row && seen.evidence.contains(evidence));
        found.map(|seen| seen.outcome)
    };
    let before = observe(false).await;
    assert_eq!(outcome(&before, "AUTH-1", "no known default credential"), Some(Outcome::Pass), "{before:#?}");
    assert_eq!(
        (outcome(&before, "EDGE-3", "429"), outcome(&before, "EDGE-1", "not encrypted")),
        (None, Some(Outcome::Fail))
    );

    let password_hash = holdfast_shared::identity::password::hash(&"changeme".into(), &SystemRng).unwrap();
    let (tenant, username) = (Some("default".to_owned()), "admin".parse().unwrap());
    let users = [BootstrapUser { tenant, username, role: Role::Admin, password_hash }];
    let (url, authority) = (SecretString::from(app.database.owner_url()), app.database.ca_file());
    let mut owner = holdfast_shared::db::connect_owner(&url, Some(&authority)).await.unwrap();
    let transaction = owner.transaction().await.unwrap();
    holdfast_migrate::create_users(&transaction, &users, "AUTH_USERS", &*app.clock, &SystemRng).await.unwrap();
    transaction.commit().await.unwrap();
    let after = observe(true).await;
    assert_eq!(outcome(&after, "AUTH-1", "admin/changeme signs in"), Some(Outcome::Fail), "{after:#?}");
    assert_eq!(outcome(&after, "EDGE-3", "get 429 from the"), Some(Outcome::Pass), "{after:#?}");
    assert_eq!(outcome(&after, "AUTH-5", "sign-ins 5 were evaluated"), Some(Outcome::Pass), "{after:#?}");
    // A service that counts only what it has evaluated.
    app.database
        .execute(
            "CREATE OR REPLACE FUNCTION take_attempt(p_kinds text[], p_keys bytea[], p_now timestamptz) RETURNS integer
             LANGUAGE sql AS 'SELECT NULL::integer'",
        )
        .await;
    let uncounted = observe(true).await;
    assert_eq!(outcome(&uncounted, "AUTH-5", "simultaneous"), Some(Outcome::Fail), "{uncounted:#?}");
}

fn check(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    let output = command.arg("check").args(arguments).env_clear().output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn exit_codes_distinguish_a_serious_failure_from_a_failed_probe() {
    let template = tools::workspace().join("infra/template.yaml");
    let template = ["--template", template.to_str().unwrap(), "--config-env", "prod"];
    let domain = ["--parameter", "DomainName=api.example.com"];
    assert_eq!(check(&[&template[..], &domain].concat()).0, Some(0), "unsigned code is of medium severity");
    let (code, table) = check(&template);
    assert!(code == Some(1) && table.contains("EDGE-1  high   FAIL"), "{table}");
    let unreachable = ["--url", "https://127.0.0.1:9"];
    let (code, table) = check(&[&template[..], &domain, &unreachable].concat());
    assert!(
        code == Some(3) && table.contains("not checked: --url: https://127.0.0.1:9/healthz does not respond"),
        "{table}"
    );
    assert_eq!(check(&[&template[..], &unreachable].concat()).0, Some(1), "a failure takes precedence");
    assert_eq!(check(&["--template", "/nowhere.yaml"]).0, Some(3));
    assert_eq!(check(&["--no-such-option"]).0, Some(2), "wrong usage is neither");
}

#[tokio::test]
async fn findings_are_reported_as_json_and_sarif() {
    let template = Some(tools::workspace().join("infra/template.yaml"));
    let found =
        holdfast::check::run(&Targets { template, config_env: Some("prod".to_owned()), ..Targets::default() }).await;
    let json = report::json(&found);
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(CATALOGUE.len()));
    let sarif = report::sarif(&found);
    let run = &sarif["runs"][0];
    assert_eq!(
        (&sarif["version"], run["tool"]["driver"]["rules"].as_array().map(Vec::len)),
        (&json!("2.1.0"), Some(CATALOGUE.len()))
    );
    for result in run["results"].as_array().unwrap() {
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        // SARIF 3.27.10: a result that is not a failure has the level `none`.
        assert_eq!(result["kind"] == "fail", result["level"] != "none", "{result}");
    }
    let edge = run["results"].as_array().unwrap().iter().find(|result| result["ruleId"] == "EDGE-1").unwrap();
    assert_eq!((&edge["kind"], &edge["level"]), (&json!("fail"), &json!("error")));
}
