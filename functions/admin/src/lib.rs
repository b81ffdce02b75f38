//! Administration and the audit log. By signed-in users only, never by API tokens.

mod audit;

use axum::Router;
use shared::app::App;
use shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![audit::LIST.to(audit::list)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    shared::http::service(app, endpoints())
}
