//! A Prometheus that scrapes a test's gateway: one job has the token of the test's file `token`, the other has none.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, Request};
use serde_json::Value;

use crate::app::TestApp;
use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// The time limit for the result of a scrape.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The running Prometheus.
pub struct Prometheus {
    program: Program,
    url: String,
}

impl Prometheus {
    /// Starts Prometheus with these alert rules.
    pub async fn start(app: &TestApp, target: &str, rules: &Path) -> Self {
        let config = format!(
            r#"
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: holdfast
    authorization: {{ credentials_file: "{token}" }}
    static_configs: [{{ targets: ["{target}"] }}]
  - job_name: stranger
    static_configs: [{{ targets: ["{target}"] }}]
"#,
            rules = rules.display(),
            token = app.database.folder().join("token").display(),
        );
        let config = app.database.file("prometheus.yaml", &config);
        let [address] = loopback::addresses();
        let mut command = Command::new(tools::program("prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", app.database.folder().join("prometheus").display()));
        command.arg(format!("--web.listen-address={address}"));
        let log = stage::logs().join(format!("prometheus-{}.log", std::process::id()));
        Self { program: Program::start(command, address, &log).await, url: format!("http://{address}") }
    }

    /// Sends a GET to its API. Returns null while it is not ready.
    pub async fn get(&self, path: &str) -> Value {
        let request = Request::builder().method(Method::GET).uri(format!("{}{path}", self.url)).body(String::new());
        serde_json::from_slice(wire::send(request.unwrap()).await.body()).unwrap_or_default()
    }

    /// Waits until a query has a result, and returns it.
    pub async fn until(&self, query: &str) -> Value {
        let encoded = data_encoding::HEXLOWER.encode(query.as_bytes());
        let encoded: String =
            encoded.as_bytes().chunks(2).flat_map(|byte| [b"%", byte].concat()).map(char::from).collect();
        let started = Instant::now();
        loop {
            let response = self.get(&format!("/api/v1/query?query={encoded}")).await;
            let result = &response["data"]["result"];
            if result.as_array().is_some_and(|found| !found.is_empty()) {
                return result.clone();
            }
            assert!(started.elapsed() < TIME_LIMIT, "{query}: {response}\n{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns the warnings and errors in its log.
    pub fn errors(&self) -> Vec<String> {
        let is_error = |line: &&str| line.contains("level=warn") || line.contains("level=error");
        self.program.log().lines().filter(is_error).map(str::to_owned).collect()
    }
}
