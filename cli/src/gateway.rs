//! All functions behind one router, as API Gateway puts them behind one address.

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The endpoints of every function: the whole contract. The console is none of it: a page that uses it.
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

/// One service of all functions. `metrics` is the metrics function's own app: it has another database role.
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
