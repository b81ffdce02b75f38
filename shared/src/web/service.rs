//! Joins endpoints and layers into the service that Lambda or the local gateway runs.

use std::any::Any;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{authorization, outer};
use crate::app::App;
use crate::problem::Problem;
use crate::route::Endpoint;

/// The service of these endpoints. One call for each process: a function passes its own, the local gateway all.
pub fn service(app: App, endpoints: impl IntoIterator<Item = Endpoint>) -> Router {
    let mut router = Router::new();
    for Endpoint { route, handler } in endpoints {
        router = router
            .route(route.path, handler.route_layer(from_fn_with_state((app.clone(), route), authorization::authorize)));
    }
    let router = router.layer(CatchPanicLayer::custom(panicked)).layer(from_fn_with_state(app.clone(), outer::outer));
    let router = match cors(&app) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.with_state(app)
}

/// A handler that panicked has a bug; its caller gets a 500, the log the message, and the instance lives on.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("of unknown kind"), "a handler panicked");
    Problem::internal().into_response()
}

/// Cross-origin calls: none unless origins are listed, and never with cookies.
fn cors(app: &App) -> Option<CorsLayer> {
    if app.config.cors_origins.is_empty() {
        return None;
    }
    let request_headers = ["if-match", "idempotency-key", "x-tenant-id"].map(HeaderName::from_static);
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
