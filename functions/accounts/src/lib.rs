//! Accounts of a tenant.

mod account;
mod collection;
mod fields;
mod item;

use axum::Router;
use shared::app::App;
use shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        collection::LIST.to(collection::list),
        collection::CREATE.to(collection::create),
        item::READ.to(item::read),
        item::CHANGE.to(item::change),
        item::DELETE.to(item::delete),
        item::RESTORE.to(item::restore),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    shared::http::service(app, endpoints())
}
