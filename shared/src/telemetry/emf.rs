//! Numbers for CloudWatch, as log lines in its embedded metric format: CloudWatch makes metrics of them, and nothing has to
//! be called. Outside Lambda there are none. A line holds no name of a tenant, a user or a secret.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Where the metrics are found in CloudWatch.
const NAMESPACE: &str = "Holdfast";

/// The only dimension: which function of which stack. Each further value of a dimension would be a metric of its own, and
/// paid for as one.
const DIMENSION: &str = "FunctionName";

/// What a number counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
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

/// A metric's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The metric's name.
    pub name: &'static str,
    /// What it counts in.
    pub unit: Unit,
    /// How much.
    pub value: f64,
}

impl Number {
    /// So many of something.
    pub const fn count(name: &'static str, value: f64) -> Self {
        Self { name, unit: Unit::Count, value }
    }
}

/// The name of this function in Lambda; none elsewhere.
fn function_name() -> Option<&'static str> {
    static NAME: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_NAME").ok());
    NAME.as_deref()
}

/// Whether numbers are written at all.
pub fn is_on() -> bool {
    function_name().is_some()
}

/// Writes numbers and what else is known of them, as one line on standard output; nothing outside Lambda.
pub fn write(now: Timestamp, numbers: &[Number], facts: Map<String, Value>) {
    let Some(function) = function_name() else { return };
    let line = line(function, now, numbers, facts);
    // A line that cannot be written is lost, as any log line is.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn line(function: &str, now: Timestamp, numbers: &[Number], mut facts: Map<String, Value>) -> Value {
    let metrics: Vec<_> =
        numbers.iter().map(|number| json!({"Name": number.name, "Unit": number.unit.name()})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics});
    facts.insert("timestamp".to_owned(), now.to_string().into());
    facts.insert("level".to_owned(), "INFO".into());
    facts.insert(DIMENSION.to_owned(), function.into());
    facts.extend(numbers.iter().map(|number| (number.name.to_owned(), number.value.into())));
    facts.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
    Value::Object(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_the_specification_has_it() {
        let numbers =
            [Number::count("Requests", 1.0), Number { name: "Duration", unit: Unit::Milliseconds, value: 1.25 }];
        let facts = Map::from_iter([("route".to_owned(), Value::from("/accounts/{id}"))]);
        let line = line("holdfast-accounts", Timestamp::from_second(1_700_000_000).unwrap(), &numbers, facts);
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
