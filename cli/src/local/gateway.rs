//! The local counterpart of API Gateway, in front of the functions: sets the caller's address from the socket, and rejects
//! requests that API Gateway would reject.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use holdfast_shared::clock::Clock;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::rng::Rng;
use holdfast_shared::web::SourceIp;
use http::header;
use http_body_util::{BodyExt, Limited};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// API Gateway's limit of a body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// API Gateway's limit of the request line and all header values together.
const MAX_HEADER_BYTES: usize = 10_240;

#[derive(Clone)]
struct Ids {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// Adds the gateway's checks in front of the functions.
pub(super) fn in_front_of(functions: Router, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Router {
    functions.layer(from_fn_with_state(Ids { clock, rng }, forward))
}

/// Serves until `stopped` resolves, then completes the requests in progress.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    // Responses are small; Nagle's algorithm would delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async {
            // A sent value and a dropped sender both mean stop.
            let _ = stopped.await;
        })
        .await
}

async fn forward(
    axum::extract::State(ids): axum::extract::State<Ids>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(problem) = check(&request) {
        let request_id = ids.rng.uuid(ids.clock.now()).to_string();
        return holdfast_shared::web::reject(&problem, &request_id);
    }
    // Like API Gateway, reads the whole request before a function sees any of it: a client whose body is too long gets a
    // response, instead of a connection that is reset while it is still sending.
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return too_long(&ids);
    };
    let mut request = Request::from_parts(parts, Body::from(body.to_bytes()));
    request.extensions_mut().insert(SourceIp(peer.ip().to_canonical().to_string()));
    next.run(request).await
}

/// Response to a body that could not be read to its end: it is too long, or the client disconnected.
fn too_long(ids: &Ids) -> Response {
    let problem = Problem::new(Code::PayloadTooLarge, format!("The body is longer than {MAX_BODY_BYTES} bytes."));
    holdfast_shared::web::reject(&problem, &ids.rng.uuid(ids.clock.now()).to_string())
}

/// Checks the limits of API Gateway.
fn check<B>(request: &http::Request<B>) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let line = request.method().as_str().len() + target;
    if line + request.headers().values().map(http::HeaderValue::len).sum::<usize>() > MAX_HEADER_BYTES {
        let detail = format!("The request line and the headers are longer than {MAX_HEADER_BYTES} bytes.");
        return Err(Problem::invalid_request(detail));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Err(Problem::new(Code::PayloadTooLarge, format!("The body is longer than {MAX_BODY_BYTES} bytes.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(header: http::HeaderName, value: &str) -> Option<Code> {
        let request = http::Request::builder().uri("/accounts").header(header, value).body(()).unwrap();
        check(&request).err().map(|problem| problem.code())
    }

    #[test]
    fn requests_that_api_gateway_rejects_are_rejected() {
        assert_eq!(reject(header::CONTENT_LENGTH, "10485760"), None);
        assert_eq!(reject(header::CONTENT_LENGTH, "10485761"), Some(Code::PayloadTooLarge));
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_000)), None);
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_240)), Some(Code::InvalidRequest));
    }
}
