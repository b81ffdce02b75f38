//! Counters of this instance. Lambda instances cannot be scraped, so each stores its totals in a database row of its own, in a
//! round trip that a request makes anyway; `/metrics` adds the rows up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Interval between two reports while requests come in.
const REPORT_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Time without a report after which the instance counts from zero in a new row: the old row may be folded by then.
const NEW_EPOCH_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A family of series.
pub struct Family {
    /// Name, without a counter's `_total` or a histogram's suffixes.
    pub name: &'static str,
    /// `counter` or `histogram`.
    pub kind: &'static str,
    /// Description, for people.
    pub help: &'static str,
}

/// Families that instances report, in the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "holdfast_requests",
        kind: "counter",
        help: "Requests by function, route template, method and status class.",
    },
    Family {
        name: "holdfast_request_duration_seconds",
        kind: "histogram",
        help: "Request duration by function and route template.",
    },
    Family { name: "holdfast_refusals", kind: "counter", help: "Rejected or failed requests by problem code." },
    Family { name: "holdfast_auth_failures", kind: "counter", help: "Requests rejected with 401, by reason." },
    Family { name: "holdfast_database_round_trips", kind: "counter", help: "Network round trips to the database." },
    Family {
        name: "holdfast_pool_waits",
        kind: "counter",
        help: "Requests that waited for a database connection because all connections of the instance were in use.",
    },
    Family {
        name: "holdfast_pool_wait_seconds",
        kind: "counter",
        help: "Time spent waiting for a database connection.",
    },
    Family { name: "holdfast_vault_unwraps", kind: "counter", help: "Data keys unwrapped by provider." },
    Family {
        name: "holdfast_vault_operation_seconds",
        kind: "counter",
        help: "Time spent sealing and opening values by operation, without unwrapping the data key.",
    },
    Family {
        name: "holdfast_vault_operations",
        kind: "counter",
        help: "Values sealed and opened by the vault by operation.",
    },
    Family {
        name: "holdfast_vault_open_failures",
        kind: "counter",
        help: "Sealed values or data keys that failed to open, by reason.",
    },
    Family { name: "holdfast_instance_starts", kind: "counter", help: "Cold starts by function." },
];

/// Totals of this instance since its start.
pub struct Metrics {
    /// Instance id, new at each start.
    pub instance: Uuid,
    /// Function that it runs.
    pub function: &'static str,
    /// Time of its start.
    pub started_at: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Events since the last request's log line, for CloudWatch.
    events: BTreeMap<&'static str, f64>,
    series: BTreeMap<String, f64>,
    epoch: i32,
    reported: Option<(Timestamp, BTreeMap<String, f64>)>,
}

/// Totals to store in the database.
pub(crate) struct Report {
    pub(crate) epoch: i32,
    pub(crate) series: serde_json::Value,
}

impl Metrics {
    /// Starts all counters at zero, except the count of starts.
    pub fn new(instance: Uuid, function: &'static str, started_at: Timestamp) -> Self {
        let series = BTreeMap::from([(format!("holdfast_instance_starts_total{{function=\"{function}\"}}"), 1.0)]);
        Self { instance, function, started_at, state: Mutex::new(State { series, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request. `function` and `route` are names from the route table, never from the caller.
    pub fn request(&self, function: &str, route: &str, method: &str, status: u16, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let labels = format!("function=\"{function}\",route=\"{route}\"");
        let mut state = self.state();
        state
            .add(format!("holdfast_requests_total{{{labels},method=\"{method}\",status=\"{}xx\"}}", status / 100), 1.0);
        for bound in BUCKETS {
            // Empty buckets are reported too: without them the first observation would not show as an increase.
            state.add(
                format!("holdfast_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}}"),
                f64::from(u8::from(seconds <= bound)),
            );
        }
        state.add(format!("holdfast_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}}"), 1.0);
        state.add(format!("holdfast_request_duration_seconds_sum{{{labels}}}"), seconds);
        state.add(format!("holdfast_request_duration_seconds_count{{{labels}}}"), 1.0);
    }

    /// Counts a rejected or failed request by its problem code.
    pub fn rejection(&self, code: &str) {
        self.state().add(format!("holdfast_refusals_total{{code=\"{code}\"}}"), 1.0);
    }

    /// Counts a request rejected with 401.
    pub fn auth_failure(&self, reason: &str) {
        self.state().add(format!("holdfast_auth_failures_total{{reason=\"{reason}\"}}"), 1.0);
    }

    /// Counts a wait for a database connection.
    pub(crate) fn pool_wait(&self, duration: Duration) {
        let mut state = self.state();
        state.add("holdfast_pool_waits_total".to_owned(), 1.0);
        state.add("holdfast_pool_wait_seconds_total".to_owned(), duration.as_secs_f64());
        state.happened("PoolWaits");
    }

    /// Takes the events since the last call.
    pub(crate) fn take_events(&self) -> BTreeMap<&'static str, f64> {
        std::mem::take(&mut self.state().events)
    }

    /// Counts an attempt to unwrap a data key by `kms` or `local`.
    pub(crate) fn vault_unwrap(&self, provider: &str) {
        self.state().add(format!("holdfast_vault_unwraps_total{{provider=\"{provider}\"}}"), 1.0);
    }

    /// Counts a value that was sealed or opened, and the time it took.
    pub(crate) fn vault_operation(&self, operation: &str, duration: Duration) {
        let mut state = self.state();
        state.add(format!("holdfast_vault_operations_total{{operation=\"{operation}\"}}"), 1.0);
        state.add(
            format!("holdfast_vault_operation_seconds_total{{operation=\"{operation}\"}}"),
            duration.as_secs_f64(),
        );
    }

    /// Counts a sealed value, or its data key, that did not open.
    pub(crate) fn vault_open_failure(&self, reason: &str) {
        let mut state = self.state();
        state.add(format!("holdfast_vault_open_failures_total{{reason=\"{reason}\"}}"), 1.0);
        state.happened("VaultOpenFailures");
    }

    /// Counts a round trip to the database.
    pub(crate) fn round_trip(&self) {
        self.state().add("holdfast_database_round_trips_total".to_owned(), 1.0);
    }

    /// The totals, if a report is due.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Report> {
        let mut state = self.state();
        let silent = state.reported.as_ref().map(|(at, _)| now.duration_since(*at));
        if silent.is_some_and(|silent| silent < REPORT_EVERY) {
            return None;
        }
        if silent.is_some_and(|silent| silent >= NEW_EPOCH_AFTER) {
            state.begin_epoch();
        }
        let report = Report { epoch: state.epoch, series: serde_json::json!(state.series) };
        state.reported = Some((now, state.series.clone()));
        Some(report)
    }

    /// The totals now.
    pub fn totals(&self) -> BTreeMap<String, f64> {
        self.state().series.clone()
    }
}

impl State {
    /// Keeps only the counts since the last report.
    fn begin_epoch(&mut self) {
        let (_, reported) = self.reported.take().unwrap_or_default();
        for (series, value) in &mut self.series {
            *value -= reported.get(series).copied().unwrap_or(0.0);
        }
        self.epoch += 1;
    }

    fn happened(&mut self, event: &'static str) {
        *self.events.entry(event).or_insert(0.0) += 1.0;
    }

    fn add(&mut self, series: String, amount: f64) {
        *self.series.entry(series).or_insert(0.0) += amount;
    }
}

/// Format of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    /// Content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes the series of all families, followed by `extra` gauges (name, help, value).
pub fn expose(series: &BTreeMap<String, f64>, extra: &[(&str, &str, f64)], exposition: Exposition) -> String {
    let mut text = String::new();
    for Family { name, kind, help } in FAMILIES {
        let members = members(series, name, kind);
        if members.is_empty() {
            continue;
        }
        // OpenMetrics names a counter's family without _total, the older format with it.
        let family = if *kind == "counter" && exposition == Exposition::Prometheus {
            format!("{name}_total")
        } else {
            (*name).to_owned()
        };
        let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}");
        for (series, value) in members {
            let _ = writeln!(text, "{series} {value}");
        }
    }
    for (name, help, value) in extra {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    if exposition == Exposition::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn members<'a>(series: &'a BTreeMap<String, f64>, name: &str, kind: &str) -> Vec<(&'a str, f64)> {
    let suffixes: &[&str] = if kind == "counter" { &["_total"] } else { &["_bucket", "_sum", "_count"] };
    let belongs = |series: &str| {
        series.strip_prefix(name).is_some_and(|rest| {
            suffixes
                .iter()
                .any(|suffix| rest.strip_prefix(suffix).is_some_and(|rest| rest.is_empty() || rest.starts_with('{')))
        })
    };
    let mut members: Vec<_> =
        series.iter().filter(|(series, _)| belongs(series)).map(|(series, value)| (series.as_str(), *value)).collect();
    // A histogram's buckets are in ascending order of their bounds.
    members
        .sort_by(|(a, _), (b, _)| bucket_order(a).partial_cmp(&bucket_order(b)).unwrap_or(std::cmp::Ordering::Equal));
    members
}

fn bucket_order(series: &str) -> (&str, f64) {
    match series.split_once("le=\"") {
        Some((labels, bound)) => (labels, bound.trim_end_matches(['"', '}']).parse().unwrap_or(f64::INFINITY)),
        None => (series, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_wakes_after_an_hour_counts_from_zero_in_a_new_epoch() {
        let start = Timestamp::UNIX_EPOCH;
        let metrics = Metrics::new(Uuid::nil(), "auth", start);
        metrics.rejection("forbidden");
        let first = metrics.due(start).unwrap();
        assert_eq!((first.epoch, &first.series["holdfast_refusals_total{code=\"forbidden\"}"]), (0, &1.0.into()));
        assert!(metrics.due(start + SignedDuration::from_secs(4)).is_none());
        metrics.rejection("forbidden");
        metrics.rejection("forbidden");
        let after_waking = metrics.due(start + SignedDuration::from_hours(3)).unwrap();
        assert_eq!(
            (after_waking.epoch, &after_waking.series["holdfast_refusals_total{code=\"forbidden\"}"]),
            (1, &2.0.into())
        );
    }

    #[test]
    fn buckets_are_cumulative_and_in_order() {
        let metrics = Metrics::new(Uuid::nil(), "auth", Timestamp::UNIX_EPOCH);
        metrics.request("auth", "/auth/login", "POST", 200, Duration::from_millis(30));
        metrics.request("auth", "/auth/login", "POST", 401, Duration::from_millis(3));
        let text = expose(&metrics.totals(), &[], Exposition::Prometheus);
        let counts: Vec<&str> =
            text.lines().filter(|line| line.contains("_bucket")).filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(counts, ["0", "0", "1", "1", "1", "2", "2", "2", "2", "2", "2", "2"]);
    }
}
