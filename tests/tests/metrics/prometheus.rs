//! A real Prometheus scrapes `/metrics`, and promtool checks the response and the alert rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_shared::permission::Role;
use holdfast_shared::telemetry::gauges::GAUGES;
use holdfast_shared::telemetry::metrics::FAMILIES;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::prometheus::Prometheus;
use holdfast_tests::{secrets, tools};
use serde_json::{Value, json};

fn observability() -> PathBuf {
    tools::workspace().join("infra/observability")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(observability().join(path)).unwrap()
}

/// Returns the text after each occurrence of a marker, up to the end of the line.
fn after<'a>(text: &'a str, marker: &str) -> BTreeSet<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(marker)).map(str::trim).collect()
}

fn promtool(arguments: &[&str], input: Option<&str>) -> String {
    let mut command = Command::new(tools::program("promtool"));
    command.args(arguments).current_dir(observability().join("prometheus"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.unwrap_or_default().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {text}");
    text
}

#[tokio::test]
async fn promtool_accepts_the_metrics_response() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await.get("/accounts").await;
    app.anonymous().get("/accounts").await;
    app.report_counters().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let text = operator.get("/metrics").await.text;
    let remarks = promtool(&["check", "metrics"], Some(&text));
    assert_eq!(remarks, "", "{text}");
}

#[test]
fn the_rules_are_valid_and_every_alert_fires_and_stays_silent_when_it_should() {
    promtool(&["check", "rules", "alerts.yaml"], None);
    promtool(&["check", "config", "--syntax-only", "prometheus.yaml"], None);
    promtool(&["test", "rules", "alerts.test.yaml"], None);
    let (rules, tests) = (read("prometheus/alerts.yaml"), read("prometheus/alerts.test.yaml"));
    for alert in after(&rules, "- alert:") {
        assert!(
            tests.contains(&format!("alertname: {alert}\n        exp_alerts:\n          - ")),
            "{alert} never fires"
        );
        assert!(tests.contains(&format!("alertname: {alert}, exp_alerts: []")), "{alert} is never silent");
    }
}

#[test]
fn every_alert_names_a_runbook_that_exists() {
    let rules = read("prometheus/alerts.yaml");
    let runbooks = after(&rules, "runbook:");
    assert_eq!(rules.matches("- alert:").count(), rules.matches("runbook:").count());
    for runbook in runbooks {
        assert!(tools::workspace().join(runbook).is_file(), "{runbook}");
    }
}

/// Returns the names of Holdfast's metrics in a text, without the suffixes that Prometheus adds.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let names = regex::Regex::new(r"holdfast_[a-z_]+").unwrap();
    let suffixes = ["_total", "_bucket", "_count", "_sum"];
    let bare = |name: &str| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name).to_owned();
    names.find_iter(text).map(|name| bare(name.as_str())).collect()
}

#[test]
fn alerts_and_the_dashboard_use_only_existing_metrics() {
    let measured: BTreeSet<String> = FAMILIES
        .iter()
        .map(|family| family.name)
        .chain(GAUGES.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    for file in ["prometheus/alerts.yaml", "grafana/holdfast.json"] {
        let unknown: Vec<_> = metrics_in(&read(file)).difference(&measured).cloned().collect();
        assert!(unknown.is_empty(), "{file} uses {unknown:?}");
    }
    let shown = metrics_in(&read("grafana/holdfast.json"));
    let hidden: Vec<_> = measured.difference(&shown).collect();
    assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
}

#[test]
fn the_page_on_metrics_lists_every_metric_with_its_help() {
    let page = std::fs::read_to_string(tools::workspace().join("docs/metrics.md")).unwrap();
    for family in FAMILIES {
        let row = format!("| `{}` | {} | {} |", family.name, family.kind, family.help);
        assert!(page.contains(&row), "docs/metrics.md lacks {row}");
    }
    for (name, help) in GAUGES {
        let row = format!("| `{name}` | {help} |");
        assert!(page.contains(&row), "docs/metrics.md lacks {row}");
    }
}

#[tokio::test]
async fn a_prometheus_with_a_token_reads_metrics_and_one_without_gets_401() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let created = operator.create("/auth/tokens", &json!({"name": "prometheus", "scopes": ["metrics:read"]})).await;
    let token = created.text_at("token");
    secrets::keep(token);
    app.database.file("token", token);
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    viewer.get("/accounts").await;
    // Counters are reported with the first round trip after five seconds.
    app.clock.advance(6);
    viewer.get("/accounts").await;

    let prometheus =
        Prometheus::start(&app, &app.listen().await, &observability().join("prometheus/alerts.yaml")).await;
    prometheus.until("up{job=\"holdfast\"} == 1").await;
    prometheus.until("up{job=\"stranger\"} == 0").await;
    let requests = prometheus.until("holdfast_requests_total{function=\"accounts\",route=\"/accounts\"}").await;
    assert_eq!(requests[0]["metric"]["status"], "2xx", "{requests}");
    prometheus
        .until("histogram_quantile(0.5, holdfast_request_duration_seconds_bucket{route=\"/accounts\"}) > 0")
        .await;
    let started = Instant::now();
    let error = loop {
        let targets: Value = prometheus.get("/api/v1/targets?state=active").await;
        let active = targets["data"]["activeTargets"].as_array().unwrap();
        let stranger = active.iter().find(|target| target["labels"]["job"] == "stranger").unwrap();
        if stranger["lastError"] != "" || started.elapsed() > Duration::from_mins(1) {
            break stranger["lastError"].clone();
        }
    };
    assert_eq!(error, "server returned HTTP status 401 Unauthorized");
    let rules = prometheus.get("/api/v1/rules").await;
    let groups = rules["data"]["groups"].as_array().unwrap();
    let healthy = |rule: &Value| rule["health"] != "err";
    assert!(groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).all(healthy), "{rules}");
    // Prometheus prefers OpenMetrics, and read it without an error.
    assert_eq!(prometheus.errors(), Vec::<String>::new());
}
