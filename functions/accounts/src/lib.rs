//! Accounts of a tenant, and their secrets.

mod accounts;
mod secrets;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        accounts::list::LIST.to(accounts::list::list),
        accounts::list::CREATE.to(accounts::list::create),
        accounts::update::READ.to(accounts::update::read),
        accounts::update::CHANGE.to(accounts::update::change),
        accounts::update::DELETE.to(accounts::update::delete),
        accounts::update::RESTORE.to(accounts::update::restore),
        secrets::LIST.to(secrets::list),
        secrets::READ.to(secrets::read),
        secrets::DELETE.to(secrets::delete),
        secrets::put::PUT.to(secrets::put::put),
        secrets::value::REVEAL.to(secrets::value::reveal),
        secrets::versions::LIST.to(secrets::versions::list),
        secrets::versions::RESTORE.to(secrets::versions::restore),
    ]
}

/// The statements of the lists, by what they list: tests hold them to their indexes.
pub fn list_statements() -> [(&'static str, &'static str); 4] {
    [
        ("accounts in order", accounts::list::IN_ORDER),
        ("accounts by prefix", accounts::list::BY_PREFIX),
        ("secrets", secrets::BY_NAME),
        ("versions", secrets::versions::NEWEST_FIRST),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
