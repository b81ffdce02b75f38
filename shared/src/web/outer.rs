//! The outermost layer: gives the request its id, writes problems out, adds the headers that every answer carries,
//! and leaves one log line and one count for each.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use super::headers;
use crate::app::App;
use crate::problem::Problem;
use crate::route::Route;
use crate::telemetry::emf::{self, Number, Unit};
use crate::telemetry::metrics::Metrics;

/// The request's id, ours always: a caller's would let it write into our logs.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The caller's address as the gateway saw it. Set by the entrance (Lambda event or local socket), never from a header.
#[derive(Debug, Clone)]
pub struct SourceIp(pub String);

/// Left on a response by the gate, so that the edge can name the route it counts.
#[derive(Clone, Copy)]
pub(super) struct Served(pub(super) &'static Route);

pub(super) async fn outer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = RequestId(app.rng.uuid(app.clock.now()).to_string());
    request.extensions_mut().insert(request_id.clone());
    let method = request.method().clone();

    let span = tracing::info_span!("request", request_id = request_id.0);
    let response = next.run(request).instrument(span).await;

    let served = response.extensions().get::<Served>().copied();
    let problem = problem_of(&response);
    let mut response = match &problem {
        Some(problem) => problem.respond(&request_id.0),
        None => response,
    };
    finish(&mut response, &request_id.0);
    if method == http::Method::HEAD {
        *response.body_mut() = Body::empty();
    }

    let answered = Answered {
        request_id: &request_id.0,
        method: known_method(&method),
        route: served.map_or("none", |Served(route)| route.path),
        function: served.map_or(app.metrics.function, |Served(route)| function_of(route.path)),
        status: response.status().as_u16(),
        code: problem.as_ref().map(|problem| problem.code().name()),
        reason: problem.as_ref().map(Problem::reason),
        took: started.elapsed(),
    };
    answered.count(&app.metrics);
    answered.log(&app);
    response
}

/// What is told of an answered request: names from the route table and the contract, never the caller's words.
struct Answered<'a> {
    request_id: &'a str,
    method: &'static str,
    route: &'static str,
    function: &'static str,
    status: u16,
    code: Option<&'static str>,
    reason: Option<&'static str>,
    took: Duration,
}

impl Answered<'_> {
    fn count(&self, metrics: &Metrics) {
        metrics.request(self.function, self.route, self.method, self.status, self.took);
        if let Some(code) = self.code {
            metrics.refusal(code);
        }
        if let Some(reason) = self.auth_failure() {
            metrics.auth_failure(reason);
        }
    }

    fn auth_failure(&self) -> Option<&'static str> {
        self.reason.filter(|_| self.status == StatusCode::UNAUTHORIZED.as_u16())
    }

    /// One line for each request, with its numbers for CloudWatch in it where that reads it.
    fn log(&self, app: &App) {
        let took_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        if emf::is_on() {
            return emf::write(app.clock.now(), &self.numbers(&app.metrics), self.facts(took_us));
        }
        let Self { request_id, method, route, status, code, .. } = *self;
        tracing::info!(request_id, method, route, status, code, took_us, "request");
    }

    fn facts(&self, took_us: u64) -> Map<String, Value> {
        let facts = json!({
            "message": "request", "request_id": self.request_id, "method": self.method, "route": self.route,
            "status": self.status, "code": self.code, "took_us": took_us,
        });
        if let Value::Object(facts) = facts { facts } else { Map::new() }
    }

    fn numbers(&self, metrics: &Metrics) -> Vec<Number> {
        let class = |class: u16| f64::from(u8::from(self.status / 100 == class));
        let mut numbers = vec![
            Number::count("Requests", 1.0),
            Number::count("ClientErrors", class(4)),
            Number::count("ServerErrors", class(5)),
            Number { name: "Duration", unit: Unit::Milliseconds, value: self.took.as_secs_f64() * 1000.0 },
        ];
        let changes = !matches!(self.method, "GET" | "HEAD" | "OPTIONS");
        let happened = [
            ("AuthFailures", self.auth_failure().is_some()),
            ("RateLimited", self.status == StatusCode::TOO_MANY_REQUESTS.as_u16()),
            ("AdminActions", self.function == "admin" && changes && self.status < 400),
        ];
        numbers.extend(happened.iter().filter(|(_, it)| *it).map(|(name, _)| Number::count(name, 1.0)));
        numbers.extend(metrics.take_events().into_iter().map(|(name, value)| Number::count(name, value)));
        numbers
    }
}

/// Gives an answer the headers that every answer carries.
fn finish(response: &mut Response, request_id: &str) {
    headers::secure(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
}

/// What the local gateway answers where it lets no function see the request.
pub fn refuse(problem: &Problem, request_id: &str) -> Response {
    let mut response = problem.respond(request_id);
    finish(&mut response, request_id);
    response
}

/// The problem that a response carries, also where the router itself refused.
fn problem_of(response: &Response) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    // An answer that says "unavailable" in its own form (/readyz) is an answer.
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(Problem::not_found()),
        // The router adds Allow after this layer.
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::method_not_allowed()),
        // Nothing of ours answers a bare error; what does is a bug, and the caller still gets the one form.
        status if status.is_client_error() => Some(Problem::invalid_request("The request cannot be handled.")),
        status if status.is_server_error() => Some(Problem::internal()),
        _ => None,
    }
}

/// A method as a label: those that nobody defined share one, so that callers cannot make new series.
fn known_method(method: &http::Method) -> &'static str {
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

/// The function that serves a path, by its first segment.
fn function_of(path: &'static str) -> &'static str {
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        ".well-known" => "auth",
        "healthz" | "readyz" => "health",
        first => first,
    }
}
