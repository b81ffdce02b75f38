//! The local counterpart of API Gateway, in front of the functions: sets the caller's address from the socket, rejects requests
//! that API Gateway would reject, and lets nobody hold a connection or memory: headers and bodies have a time and a size.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use holdfast_shared::clock::Clock;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::rng::Rng;
use holdfast_shared::route::Route;
use holdfast_shared::web::{MAX_BODY_BYTES, SourceIp};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt as _;

/// API Gateway's limit of a body.
const MAX_SENT_BYTES: usize = 10 * 1024 * 1024;
/// API Gateway's limit of the request line and all header values together.
const MAX_HEADER_BYTES: usize = 10_240;
/// Time for the headers of a request, from the opening of the connection or the end of the request before. An idle
/// connection ends after it, too.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// Time for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(20);
/// Pause after a connection could not be accepted, for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone)]
struct Ids {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// Limits of time, which tests shorten.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the headers of a request.
    pub headers: Duration,
    /// For its body.
    pub body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { headers: HEADER_TIME, body: BODY_TIME }
    }
}

#[derive(Clone)]
struct Gateway {
    ids: Ids,
    patience: Patience,
    /// The routes that take longer bodies than others, with their limits.
    large: Arc<[(&'static Route, usize)]>,
}

/// Adds the gateway's checks in front of the functions.
pub fn in_front_of(functions: Router, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, patience: Patience) -> Router {
    let routes = crate::gateway::endpoints().into_iter().map(|endpoint| (endpoint.route, endpoint.route.max_body));
    let large = routes.filter(|(_, limit)| *limit > MAX_BODY_BYTES).collect();
    functions.layer(from_fn_with_state(Gateway { ids: Ids { clock, rng }, patience, large }, forward))
}

/// Serves until `stopped` resolves, then completes the requests in progress.
///
/// # Errors
/// None at present: connections that fail end alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let graceful = GracefulShutdown::new();
    // A sent value and a dropped sender both mean stop.
    let mut stopped = pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => serve_connection(stream, peer, router.clone(), patience, &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: Patience,
    graceful: &GracefulShutdown,
) {
    // Responses are small; Nagle's algorithm would delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let response =
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response)
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(patience.headers).max_buf_size(64 * 1024);
    let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

async fn forward(
    axum::extract::State(Gateway { ids, patience, large }): axum::extract::State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let reject = |problem: &Problem| {
        let request_id = ids.rng.uuid(ids.clock.now()).to_string();
        holdfast_shared::web::reject(problem, &request_id)
    };
    let (parts, mut body) = request.into_parts();
    let limit = limit_of(&large, &parts.method, parts.extensions.get::<MatchedPath>());
    let checked = check(&parts.method, &parts.uri, &parts.headers);
    // A body that is declared to be longer than the route takes is not read: the function refuses it by its header, after it
    // has authorized the caller.
    let oversized = declared(&parts.headers).is_some_and(|length| length > limit);
    let read = match checked {
        Ok(()) if oversized => Ok(Bytes::new()),
        Ok(()) => read(&mut body, limit, patience.body).await,
        Err(problem) => Err(problem),
    };
    let response = match read {
        Ok(bytes) => {
            let mut request = Request::from_parts(parts, Body::from(bytes));
            request.extensions_mut().insert(SourceIp(peer.ip().to_canonical().to_string()));
            next.run(request).await
        }
        Err(problem) => reject(&problem),
    };
    tokio::spawn(tokio::time::timeout(patience.body, drain(body)));
    response
}

/// The limit of a request's body: the route's own, and the usual one for what is no route.
fn limit_of(large: &[(&'static Route, usize)], method: &Method, path: Option<&MatchedPath>) -> usize {
    let is_its = |route: &Route, path: &MatchedPath| route.method == *method && route.path == path.as_str();
    let found = path.and_then(|path| large.iter().find(|(route, _)| is_its(route, path)));
    found.map_or(MAX_BODY_BYTES, |(_, limit)| *limit)
}

/// Reads a body up to the limit, and one frame beyond it: enough for the function to see that it is too long.
async fn read(body: &mut Body, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let reading = async {
        let mut bytes = BytesMut::new();
        while bytes.len() <= limit {
            match body.frame().await {
                None => break,
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        bytes.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => return Err(Problem::invalid_request("The body is incomplete.")),
            }
        }
        Ok(bytes.freeze())
    };
    let late = || Problem::invalid_request(format!("The body was not complete after {} seconds.", time.as_secs()));
    tokio::time::timeout(time, reading).await.map_err(|_| late())?
}

/// Reads what is left of a body, and drops it: a client that is still sending gets the response, and not a connection that is
/// reset under it.
async fn drain(mut body: Body) {
    let mut left = MAX_SENT_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => break,
        }
    }
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Checks the limits of API Gateway.
fn check(method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let line = method.as_str().len() + target;
    if line + headers.values().map(http::HeaderValue::len).sum::<usize>() > MAX_HEADER_BYTES {
        let detail = format!("The request line and the headers are longer than {MAX_HEADER_BYTES} bytes.");
        return Err(Problem::invalid_request(detail));
    }
    if declared(headers).is_some_and(|length| length > MAX_SENT_BYTES) {
        return Err(Problem::new(Code::PayloadTooLarge, format!("The body is longer than {MAX_SENT_BYTES} bytes.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(header: http::HeaderName, value: &str) -> Option<Code> {
        let request = http::Request::builder().uri("/accounts").header(header, value).body(()).unwrap();
        check(request.method(), request.uri(), request.headers()).err().map(|problem| problem.code())
    }

    #[test]
    fn requests_that_api_gateway_rejects_are_rejected() {
        assert_eq!(reject(header::CONTENT_LENGTH, "10485760"), None);
        assert_eq!(reject(header::CONTENT_LENGTH, "10485761"), Some(Code::PayloadTooLarge));
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_000)), None);
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_240)), Some(Code::InvalidRequest));
    }
}
