//! Metrics for CloudWatch, as log lines in its embedded metric format, from which CloudWatch extracts metrics without any
//! API call. Written only in Lambda. A line never names a tenant, a user or a secret.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// CloudWatch namespace.
const NAMESPACE: &str = "Holdfast";

/// The only dimension: the function's name, which includes the stack's. Each further value of a dimension would be billed as
/// a metric of its own.
const DIMENSION: &str = "FunctionName";

/// Unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// Value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// Name of the metric.
    pub name: &'static str,
    /// Unit.
    pub unit: Unit,
    /// Value.
    pub value: f64,
}

impl Number {
    /// A count.
    pub const fn count(name: &'static str, value: f64) -> Self {
        Self { name, unit: Unit::Count, value }
    }
}

/// The name of this function in Lambda; none outside it.
fn function_name() -> Option<&'static str> {
    static NAME: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_NAME").ok());
    NAME.as_deref()
}

/// Returns whether metrics are written: only in Lambda.
pub fn is_on() -> bool {
    function_name().is_some()
}

/// Writes metrics and further fields as one line to standard output; nothing outside Lambda.
pub fn write(now: Timestamp, numbers: &[Number], fields: Map<String, Value>) {
    let Some(function) = function_name() else { return };
    let line = line(function, now, numbers, fields);
    // A line that cannot be written is lost, like any log line.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn line(function: &str, now: Timestamp, numbers: &[Number], mut fields: Map<String, Value>) -> Value {
    let metrics: Vec<_> =
        numbers.iter().map(|number| json!({"Name": number.name, "Unit": number.unit.name()})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics});
    fields.insert("timestamp".to_owned(), now.to_string().into());
    fields.insert("level".to_owned(), "INFO".into());
    fields.insert(DIMENSION.to_owned(), function.into());
    fields.extend(numbers.iter().map(|number| (number.name.to_owned(), number.value.into())));
    fields.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_follows_the_specification() {
        let numbers =
            [Number::count("Requests", 1.0), Number { name: "Duration", unit: Unit::Milliseconds, value: 1.25 }];
        let fields = Map::from_iter([("route".to_owned(), Value::from("/accounts/{id}"))]);
        let line = line("holdfast-accounts", Timestamp::from_second(1_700_000_000).unwrap(), &numbers, fields);
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_700_000_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Holdfast",
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [
                            {"Name": "Requests", "Unit": "Count"},
                            {"Name": "Duration", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "timestamp": "2023-11-14T22:13:20Z",
                "level": "INFO",
                "FunctionName": "holdfast-accounts",
                "route": "/accounts/{id}",
                "Requests": 1.0,
                "Duration": 1.25,
            })
        );
    }
}
