//! Accounts of a tenant, and their secrets.

mod accounts;
mod secrets;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![
        accounts::list::ROUTE.to(accounts::list::handle),
        accounts::create::ROUTE.to(accounts::create::handle),
        accounts::read::ROUTE.to(accounts::read::handle),
        accounts::update::ROUTE.to(accounts::update::handle),
        accounts::delete::ROUTE.to(accounts::delete::handle),
        accounts::restore::ROUTE.to(accounts::restore::handle),
        secrets::list::ROUTE.to(secrets::list::handle),
        secrets::read::ROUTE.to(secrets::read::handle),
        secrets::delete::ROUTE.to(secrets::delete::handle),
        secrets::put::ROUTE.to(secrets::put::handle),
        secrets::value::ROUTE.to(secrets::value::handle),
        secrets::versions::list::ROUTE.to(secrets::versions::list::handle),
        secrets::versions::restore::ROUTE.to(secrets::versions::restore::handle),
    ]
}

/// The statements of the lists, by what they list: tests check that they read from their indexes.
pub fn list_statements() -> [(&'static str, &'static str); 4] {
    [
        ("accounts in order", accounts::list::OLDEST_FIRST.text()),
        ("accounts by prefix", accounts::list::BY_PREFIX.text()),
        ("secrets", secrets::list::BY_NAME.text()),
        ("versions", secrets::versions::list::NEWEST_FIRST.text()),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
