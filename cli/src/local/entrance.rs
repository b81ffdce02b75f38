//! The entrance of a local run: what API Gateway is to a deployment. It alone says who the caller is, from the socket, and turns
//! away what API Gateway would not pass on.

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

/// API Gateway's limit of a payload.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// API Gateway's limit of the request line and all header values together.
const MAX_HEADER_BYTES: usize = 10_240;

#[derive(Clone)]
struct Ids {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// Puts the entrance before the functions.
pub(super) fn before(functions: Router, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Router {
    functions.layer(from_fn_with_state(Ids { clock, rng }, enter))
}

/// Serves until `stopped` ends, then lets the requests under way come to theirs.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    // Answers are small: they must not wait to be sent together.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async {
            // Sent or dropped, it means the same.
            let _ = stopped.await;
        })
        .await
}

async fn enter(
    axum::extract::State(ids): axum::extract::State<Ids>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(problem) = passes(&request) {
        let request_id = ids.rng.uuid(ids.clock.now()).to_string();
        return holdfast_shared::web::refuse(&problem, &request_id);
    }
    // As API Gateway does, it reads a request whole before a function sees any of it: one that is refused for its length gets
    // its answer, and not a connection that was reset while it was still sending.
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return too_long(&ids);
    };
    let mut request = Request::from_parts(parts, Body::from(body.to_bytes()));
    request.extensions_mut().insert(SourceIp(peer.ip().to_canonical().to_string()));
    next.run(request).await
}

/// What could not be read to its end was longer than API Gateway takes, or its caller went away.
fn too_long(ids: &Ids) -> Response {
    let problem = Problem::new(Code::PayloadTooLarge, format!("A body holds at most {MAX_BODY_BYTES} bytes."));
    holdfast_shared::web::refuse(&problem, &ids.rng.uuid(ids.clock.now()).to_string())
}

/// Whether API Gateway would pass the request on.
fn passes<B>(request: &http::Request<B>) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let line = request.method().as_str().len() + target;
    if line + request.headers().values().map(http::HeaderValue::len).sum::<usize>() > MAX_HEADER_BYTES {
        let detail = format!("The request line and the headers hold at most {MAX_HEADER_BYTES} bytes.");
        return Err(Problem::invalid_request(detail));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Err(Problem::new(Code::PayloadTooLarge, format!("A body holds at most {MAX_BODY_BYTES} bytes.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(header: http::HeaderName, value: &str) -> Option<Code> {
        let request = http::Request::builder().uri("/accounts").header(header, value).body(()).unwrap();
        passes(&request).err().map(|problem| problem.code())
    }

    #[test]
    fn what_api_gateway_would_not_pass_on_is_turned_away() {
        assert_eq!(reject(header::CONTENT_LENGTH, "10485760"), None);
        assert_eq!(reject(header::CONTENT_LENGTH, "10485761"), Some(Code::PayloadTooLarge));
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_000)), None);
        assert_eq!(reject(header::COOKIE, &"a".repeat(10_240)), Some(Code::InvalidRequest));
    }
}
