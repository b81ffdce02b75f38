//! How much of a request the vault's cryptography takes: both as the functions themselves counted them.

use serde_json::Value;

/// The requests that seal and open, a value of 1 KiB each.
pub(crate) const PUT: &str = "PUT /accounts/{id}/secrets/{name}";
pub(crate) const REVEAL: &str = "GET /accounts/{id}/secrets/{name}/value";

/// No request may spend more of its time in cryptography.
const MOST_SHARE: f64 = 0.02;

/// A line for each operation.
pub(crate) fn shares(metrics: &Value) -> String {
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
    let verdict = if share <= MOST_SHARE { "" } else { " - missed: it may be 2 %" };
    let (crypto, whole) = (crypto * 1e6, whole * 1e3);
    format!("vault: {operation} takes {crypto:.1} us of {request}'s {whole:.2} ms: {:.2} %{verdict}\n", share * 100.0)
}

fn sample(metrics: &str, series: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}
