//! The service of a function: its endpoints with the middleware around them.

use std::any::Any;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::request_log::Served;
use super::{authorization, outer, target};
use crate::app::App;
use crate::problem::Problem;
use crate::route::Endpoint;

/// Returns the service of these endpoints: a function passes its own, the local gateway those of all functions.
pub fn service(app: App, endpoints: impl IntoIterator<Item = Endpoint>) -> Router {
    let mut router = Router::new();
    for Endpoint { route, function, handler } in endpoints {
        let state = (app.clone(), Served { route, function });
        router = router.route(route.path, handler.route_layer(from_fn_with_state(state, authorization::authorize)));
    }
    let router = router.layer(CatchPanicLayer::custom(panicked)).layer(from_fn(target::limit));
    let router = match cors(&app) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    // Outermost, so that answers to preflights have every header and are counted, too.
    router.layer(from_fn_with_state(app.clone(), outer::outer)).with_state(app)
}

/// Responds to a panic in a handler: 500 for the caller, the message for the log. The instance goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer passes the panic by value")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("without a message"), "a handler panicked");
    Problem::internal().into_response()
}

/// The CORS layer: none unless origins are configured, and never with cookies.
fn cors(app: &App) -> Option<CorsLayer> {
    if app.config.cors_origins.is_empty() {
        return None;
    }
    let request_headers =
        ["if-match", "if-none-match", "idempotency-key", "x-reason", "x-tenant-id"].map(HeaderName::from_static);
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(app.config.cors_origins.clone()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            [header::AUTHORIZATION, header::CONTENT_TYPE].into_iter().chain(request_headers).collect::<Vec<_>>(),
        )
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::LINK,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("idempotency-replayed"),
        ])
        .max_age(std::time::Duration::from_mins(10));
    Some(layer)
}
