//! The outer middleware, around the router: gives each request its id, writes problems as responses, adds the headers of
//! every response, and logs and counts the request. CORS preflights are requests like all others here.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode, header};
use tracing::Instrument as _;

use super::context::RequestId;
use super::headers;
use super::request_log::{Completed, Served};
use crate::app::App;
use crate::problem::Problem;

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
        Some(problem) => with_cors(&response, problem.respond(&request_id.0)),
        None => response,
    };
    headers::add(response.headers_mut(), &request_id.0);
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    let status = response.status().as_u16();
    Completed::new(&app, &request_id.0, &method, served, status, problem.as_ref(), started.elapsed()).record(&app);
    response
}

/// Takes over what the CORS layer has set on a response that is replaced: without it a script could not read the problem.
fn with_cors(replaced: &Response, mut response: Response) -> Response {
    let set = replaced.headers().iter();
    let cors = set.filter(|(name, _)| **name == header::VARY || name.as_str().starts_with("access-control-"));
    for (name, value) in cors {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// The response of the local gateway to a request that it does not hand to a function.
pub fn reject(problem: &Problem, request_id: &str) -> Response {
    let mut response = problem.respond(request_id);
    headers::add(response.headers_mut(), request_id);
    response
}

/// The problem of a response, also where the router itself rejected the request.
fn problem_of(response: &Response) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    // A handler may report an error status in a body of its own (/readyz).
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(Problem::not_found()),
        // The router adds Allow after this layer.
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::method_not_allowed()),
        // No handler returns a bare error. If one does, that is a bug, and the caller still gets problem details.
        status if status.is_client_error() => Some(Problem::invalid_request("The request cannot be handled.")),
        status if status.is_server_error() => Some(Problem::internal()),
        _ => None,
    }
}
