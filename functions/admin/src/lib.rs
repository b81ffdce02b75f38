//! Administration and the audit log. For signed-in users only, never for API tokens.

mod audit;
mod backups;
mod config;
mod hardening;
mod keys;
mod passwords;
mod schema;
mod status;
mod tenants;
mod users;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![
        tenants::list::ROUTE.to(tenants::list::handle),
        tenants::create::ROUTE.to(tenants::create::handle),
        tenants::read::ROUTE.to(tenants::read::handle),
        tenants::update::ROUTE.to(tenants::update::handle),
        users::list::ROUTE.to(users::list::handle),
        users::create::ROUTE.to(users::create::handle),
        users::read::ROUTE.to(users::read::handle),
        users::update::ROUTE.to(users::update::handle),
        users::delete::ROUTE.to(users::delete::handle),
        users::revoke::ROUTE.to(users::revoke::handle),
        users::mfa::ROUTE.to(users::mfa::handle),
        users::sessions::list::ROUTE.to(users::sessions::list::handle),
        users::sessions::delete::ROUTE.to(users::sessions::delete::handle),
        audit::list::ROUTE.to(audit::list::handle),
        audit::export::ROUTE.to(audit::export::handle),
        audit::seals::ROUTE.to(audit::seals::handle),
        audit::verify::ROUTE.to(audit::verify::handle),
        keys::list::ROUTE.to(keys::list::handle),
        keys::rotate::ROUTE.to(keys::rotate::handle),
        schema::ROUTE.to(schema::handle),
        status::ROUTE.to(status::handle),
        config::ROUTE.to(config::handle),
        hardening::ROUTE.to(hardening::handle),
        backups::list::ROUTE.to(backups::list::handle),
        backups::create::ROUTE.to(backups::create::handle),
    ]
}

/// The statement that lists the audit log. A test checks that its plans use the indexes.
pub fn audit_list_statement() -> &'static str {
    audit::list::SELECT.text()
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
