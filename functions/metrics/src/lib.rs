//! Metrics of all instances, for Prometheus.

mod metrics;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![metrics::ROUTE.to(metrics::handle)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
