//! Preflights (CORS, Fetch standard) are requests: their answers have every header that all answers have, and they are
//! counted. And what is refused can be read by the scripts that may read what succeeds.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Response;
use http::Method;

const ORIGIN: &str = "https://app.example.com";
const EVERYWHERE: [&str; 7] = [
    "x-request-id",
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "cache-control",
];

fn assert_has_all_headers(response: &Response, name: &str) {
    for header in EVERYWHERE {
        assert_ne!(response.header(header), "", "{name}: {header}");
    }
}

#[tokio::test]
async fn every_answer_to_a_preflight_has_the_headers_of_all_answers_and_is_counted() {
    let app = TestApp::builder().setting("CORS_ORIGINS", ORIGIN).start().await;
    let mut sent = 0_u32;
    for endpoint in holdfast::gateway::endpoints() {
        for origin in [ORIGIN, "https://evil.example.com"] {
            let client = app.anonymous().with_header("origin", origin);
            let client = client.with_header("access-control-request-method", endpoint.route.method.as_str());
            let response = client.send(Method::OPTIONS, endpoint.route.path, None).await;
            let name = format!("{} from {origin}: {}", endpoint.route.path, response.status);
            assert_has_all_headers(&response, &name);
            let allowed = if origin == ORIGIN { ORIGIN } else { "" };
            assert_eq!(response.header("access-control-allow-origin"), allowed, "{name}");
            // Health and console have no login that could report counters.
            let silent = ["/healthz", "/readyz", "/console"];
            sent += u32::from(!silent.iter().any(|path| endpoint.route.path.starts_with(path)));
        }
    }
    app.report_counters().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let metrics = operator.get("/metrics").await.text;
    let counted: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("holdfast_requests_total{") && line.contains("method=\"OPTIONS\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(counted.round().to_string(), sent.to_string(), "{metrics}");
}

#[tokio::test]
async fn a_refused_request_can_be_read_by_the_origins_that_are_allowed() {
    let app = TestApp::builder().setting("CORS_ORIGINS", ORIGIN).start().await;
    for (path, outcome) in [
        ("/accounts".to_owned(), "401 unauthenticated"),
        ("/nowhere".to_owned(), "404 not_found"),
        (format!("/accounts?q={}", "a".repeat(3000)), "414 uri_too_long"),
    ] {
        for (origin, allowed) in [(ORIGIN, ORIGIN), ("https://evil.example.com", "")] {
            let response = app.anonymous().with_header("origin", origin).get(&path).await;
            assert_eq!(response.outcome(), outcome);
            assert_eq!(response.header("access-control-allow-origin"), allowed, "{outcome} from {origin}");
            assert_has_all_headers(&response, outcome);
        }
    }
}
