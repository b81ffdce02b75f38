//! All functions behind one router, like API Gateway.

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// Returns the endpoints of every function: the API. The console's assets are not part of it.
pub fn endpoints() -> Vec<Endpoint> {
    [
        holdfast_auth::endpoints(),
        holdfast_accounts::endpoints(),
        holdfast_admin::endpoints(),
        holdfast_health::endpoints(),
        holdfast_metrics::endpoints(),
    ]
    .concat()
}

/// The app of each function: with its own database login, as in a deployment. The console's has no database.
#[derive(Clone)]
pub struct Apps {
    /// Of auth.
    pub auth: App,
    /// Of accounts.
    pub accounts: App,
    /// Of admin.
    pub admin: App,
    /// Of health.
    pub health: App,
    /// Of metrics.
    pub metrics: App,
    /// Of the console.
    pub console: App,
}

/// Returns one service of all functions.
pub fn router(apps: Apps) -> Router {
    // Requests for no function's path are answered by the last one.
    holdfast_console::router(apps.console)
        .merge(holdfast_health::router(apps.health))
        .merge(holdfast_metrics::router(apps.metrics))
        .merge(holdfast_admin::router(apps.admin))
        .merge(holdfast_accounts::router(apps.accounts))
        .merge(holdfast_auth::router(apps.auth))
}
