//! The entry point in AWS Lambda: starts a function and passes each API Gateway event to its router. Other events that
//! look like a request (a load balancer's, a WebSocket's, one that somebody invokes) are refused: without the gateway nobody
//! says whose address it is.

use std::process::ExitCode;

use axum::Router;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use tower::ServiceBuilder;

use crate::app::App;
use crate::config::{Config, Needs};
use crate::problem::{Code, Problem};
use crate::telemetry::log;
use crate::web::{self, SourceIp};

/// Runs the function until Lambda ends the process. A failed start writes one log line and returns a failing exit code, which
/// Lambda reports as an init error.
pub async fn run(function: &'static str, needs: Needs, router: impl FnOnce(App) -> Router) -> ExitCode {
    log::json();
    match serve(function, needs, router).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(function, "the function cannot start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(function: &'static str, needs: Needs, router: impl FnOnce(App) -> Router) -> anyhow::Result<()> {
    let config = Config::load(needs).await?;
    let router =
        router(App::start(config, function).await?).layer(from_fn(stay_in_stage)).layer(from_fn(require_gateway));
    let service = ServiceBuilder::new().map_request(read_gateway_context).map_response(mark_text).service(router);
    lambda_http::run(service).await.map_err(anyhow::Error::from_boxed)
}

/// The stage that precedes our paths in the caller's URL, such as `/live`, on an API without a domain of its own.
#[derive(Clone)]
struct Stage(String);

/// Reads from the event what only the gateway knows: the client address, and the path without the stage.
fn read_gateway_context(mut request: Request) -> Request {
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.path.as_deref().and_then(|path| {
            path.strip_suffix(request.raw_http_path()).filter(|stage| stage.starts_with('/')).map(str::to_owned)
        }),
        _ => None,
    };
    if let Some(stage) = stage {
        request.extensions_mut().insert(Stage(stage));
    }
    let source_ip = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => None,
    };
    if let Some(source_ip) = source_ip.filter(|address| !address.is_empty()) {
        request.extensions_mut().insert(SourceIp(source_ip));
    }
    let path = request.raw_http_path().to_owned();
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    match target.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(error) => tracing::warn!(%error, "the event's path is not a URI path; the request's own is kept"),
    }
    request
}

/// Refuses an event without the caller's address, which every gateway event has: attempts would be counted for nobody, and
/// the audit log would name none.
async fn require_gateway(request: axum::extract::Request, next: Next) -> Response {
    if request.extensions().get::<SourceIp>().is_some() {
        return next.run(request).await;
    }
    tracing::warn!("an event without a caller's address was refused; only API Gateway's requests are served");
    let request_id =
        request.extensions().get::<lambda_http::Context>().map_or("", |context| context.request_id.as_str());
    web::reject(&Problem::new(Code::Forbidden, "Only requests through the API's gateway are served."), request_id)
}

/// Prefixes the stage to the paths in response headers, so that a caller who follows them stays on the API.
async fn stay_in_stage(request: axum::extract::Request, next: Next) -> Response {
    let stage = request.extensions().get::<Stage>().cloned();
    let mut response = next.run(request).await;
    let Some(Stage(stage)) = stage else { return response };
    for (name, before) in [(header::LOCATION, ""), (header::LINK, "<")] {
        let path = response.headers().get(&name).and_then(|value| value.to_str().ok()?.strip_prefix(before));
        let staged = path.filter(|path| path.starts_with('/')).map(|path| format!("{before}{stage}{path}"));
        if let Some(value) = staged.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Marks text responses as text. The library recognizes only some types (not OpenMetrics) and encodes all others as base64,
/// which API Gateway does not decode.
fn mark_text(mut response: Response) -> Response {
    const ENCODING: HeaderName = HeaderName::from_static("x-lambda-http-content-encoding");
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().ends_with(b"; charset=utf-8")) {
        response.headers_mut().insert(ENCODING, HeaderValue::from_static("text"));
    }
    response
}
