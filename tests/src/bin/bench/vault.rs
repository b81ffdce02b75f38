//! The share of the vault's cryptography in the duration of a request, as the functions themselves count both.

use std::time::Duration;

use serde_json::Value;

use crate::deployment::{self, Deployment};
use crate::subject::Subjects;

/// The requests that seal and open a value of 1 KiB.
pub(crate) const PUT: &str = "PUT /accounts/{id}/secrets/{name}";
pub(crate) const REVEAL: &str = "GET /accounts/{id}/secrets/{name}/value";

/// The limit for the share of cryptography in a request.
const MAX_SHARE: f64 = 0.02;

/// The number of requests of each kind.
const CALLS: usize = 500;
/// The interval after which the next request reports counters.
const REPORT_AFTER: Duration = Duration::from_secs(6);

/// Returns a line for each operation of an instance with the data key in memory.
pub(crate) async fn measure(deployment: &Deployment, subjects: &Subjects) -> String {
    let instance = deployment.instance("accounts").await;
    for event in [subjects.put(), subjects.reveal()] {
        for _ in 0..CALLS {
            deployment::body(&instance.invoke(&event).await, 200);
        }
    }
    tokio::time::sleep(REPORT_AFTER).await;
    deployment::body(&instance.invoke(&subjects.reveal()).await, 200);
    let metrics = deployment.instance("metrics").await.invoke(&subjects.metrics()).await;
    shares(&deployment::body(&metrics, 200))
}

fn shares(metrics: &Value) -> String {
    let text = metrics.as_str().unwrap_or_else(|| panic!("no text but {metrics}"));
    [("seal", PUT), ("open", REVEAL)].map(|(operation, request)| share(text, operation, request)).concat()
}

fn share(metrics: &str, operation: &str, request: &str) -> String {
    let route = request.split(' ').nth(1).unwrap_or_default();
    let per = |sum: String, count: String| sample(metrics, &sum) / sample(metrics, &count);
    let crypto = per(
        format!("holdfast_vault_operation_seconds_total{{operation=\"{operation}\"}}"),
        format!("holdfast_vault_operations_total{{operation=\"{operation}\"}}"),
    );
    let labels = format!("{{function=\"accounts\",route=\"{route}\"}}");
    let whole = per(
        format!("holdfast_request_duration_seconds_sum{labels}"),
        format!("holdfast_request_duration_seconds_count{labels}"),
    );
    let share = crypto / whole;
    let miss = if share <= MAX_SHARE { "" } else { " - missed: the limit is 2 %" };
    let (crypto, whole) = (crypto * 1e6, whole * 1e3);
    format!("vault: {operation} takes {crypto:.1} us of {request}'s {whole:.2} ms: {:.2} %{miss}\n", share * 100.0)
}

fn sample(metrics: &str, series: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}
