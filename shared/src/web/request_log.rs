//! One log line and one count for each request. They hold names from the route table and the API, and nothing that the
//! caller sent.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::problem::Problem;
use crate::route::{Effect, Route};
use crate::telemetry::emf::{self, Number, Unit};
use crate::telemetry::metrics::Metrics;

/// The route that served a request, and its function. The authorization layer leaves it on the response.
#[derive(Clone, Copy)]
pub(super) struct Served {
    pub(super) route: &'static Route,
    pub(super) function: &'static str,
}

/// A request that has its response.
pub(super) struct Completed<'a> {
    request_id: &'a str,
    method: &'static str,
    route: &'static str,
    function: &'static str,
    changes: bool,
    status: u16,
    problem: Option<&'a Problem>,
    duration: Duration,
}

impl<'a> Completed<'a> {
    pub(super) fn new(
        app: &App,
        request_id: &'a str,
        method: &Method,
        served: Option<Served>,
        status: u16,
        problem: Option<&'a Problem>,
        duration: Duration,
    ) -> Self {
        Self {
            request_id,
            method: known_method(method),
            route: served.map_or("none", |served| served.route.path),
            function: served.map_or(app.metrics.function, |served| served.function),
            changes: served.is_some_and(|served| served.route.effect != Effect::Reads),
            status,
            problem,
            duration,
        }
    }

    /// Counts and logs the request.
    pub(super) fn record(&self, app: &App) {
        self.count(&app.metrics);
        self.log(app);
    }

    fn count(&self, metrics: &Metrics) {
        metrics.request(self.function, self.route, self.method, self.status, self.duration);
        if let Some(code) = self.code() {
            metrics.rejection(code);
        }
        if let Some(reason) = self.auth_failure() {
            metrics.auth_failure(reason);
        }
    }

    fn code(&self) -> Option<&'static str> {
        self.problem.map(|problem| problem.code().name())
    }

    fn auth_failure(&self) -> Option<&'static str> {
        let problem = self.problem.filter(|_| self.status == StatusCode::UNAUTHORIZED.as_u16());
        problem.map(Problem::metric_reason)
    }

    /// Writes the log line. In Lambda it contains the numbers for CloudWatch.
    fn log(&self, app: &App) {
        let Self { request_id, method, route, status, .. } = *self;
        let (code, took_us) = (self.code(), u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX));
        if emf::is_on() {
            let fields = json!({
                "message": "request", "request_id": request_id, "method": method, "route": route, "status": status,
                "code": code, "took_us": took_us,
            });
            let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
            return emf::write(app.clock.now(), &self.numbers(&app.metrics), fields);
        }
        tracing::info!(request_id, method, route, status, code, took_us, "request");
    }

    fn numbers(&self, metrics: &Metrics) -> Vec<Number> {
        let class = |class: u16| f64::from(u8::from(self.status / 100 == class));
        let mut numbers = vec![
            Number::count("Requests", 1.0),
            Number::count("ClientErrors", class(4)),
            Number::count("ServerErrors", class(5)),
            Number { name: "Duration", unit: Unit::Milliseconds, value: self.duration.as_secs_f64() * 1000.0 },
        ];
        let events = [
            ("AuthFailures", self.auth_failure().is_some()),
            ("RateLimited", self.status == StatusCode::TOO_MANY_REQUESTS.as_u16()),
            ("AdminActions", self.function == "admin" && self.changes && self.status < 400),
        ];
        numbers.extend(events.iter().filter(|(_, happened)| *happened).map(|(name, _)| Number::count(name, 1.0)));
        numbers.extend(metrics.take_events().into_iter().map(|(name, value)| Number::count(name, value)));
        numbers
    }
}

/// The method as a metric label. All non-standard methods share one label, so that callers cannot create series.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
