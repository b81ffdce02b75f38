//! Liveness and readiness, for anonymous callers; neither gives a reason.

mod healthz;
mod readyz;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;
use serde::Serialize;
use utoipa::ToSchema;

/// Health of the function.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; on `/readyz`, `ready` or `unavailable`.
    status: &'static str,
}

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![healthz::ROUTE.to(healthz::handle), readyz::ROUTE.to(readyz::handle)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
