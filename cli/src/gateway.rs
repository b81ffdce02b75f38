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

/// Returns one service of all functions. `metrics` is the metrics function's own app, which has another database role.
pub fn router(app: App, metrics: App) -> Router {
    let functions = [
        holdfast_auth::endpoints(),
        holdfast_accounts::endpoints(),
        holdfast_admin::endpoints(),
        holdfast_health::endpoints(),
    ]
    .concat();
    let functions = [functions, holdfast_console::endpoints()].concat();
    holdfast_shared::web::service(app, functions).merge(holdfast_metrics::router(metrics))
}
