//! All functions behind one router, as API Gateway puts them behind one address.

use axum::Router;
use shared::app::App;
use shared::route::Endpoint;

/// The endpoints of every function: the whole contract. The console is none of it: a page that uses it.
pub fn endpoints() -> Vec<Endpoint> {
    [auth::endpoints(), accounts::endpoints(), admin::endpoints(), health::endpoints(), metrics::endpoints()].concat()
}

/// One service of all functions. `metrics` is the metrics function's own app: it has another database role.
pub fn router(app: App, metrics: App) -> Router {
    let functions = [auth::endpoints(), accounts::endpoints(), admin::endpoints(), health::endpoints()].concat();
    let functions = [functions, console::endpoints()].concat();
    shared::http::service(app, functions).merge(metrics::router(metrics))
}
