//! Administration and the audit log. By signed-in users only, never by API tokens.

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
    vec![
        tenants::create::LIST.to(tenants::create::list),
        tenants::create::CREATE.to(tenants::create::create),
        tenants::update::READ.to(tenants::update::read),
        tenants::update::CHANGE.to(tenants::update::change),
        users::create::LIST.to(users::create::list),
        users::create::CREATE.to(users::create::create),
        users::update::READ.to(users::update::read),
        users::update::CHANGE.to(users::update::change),
        users::update::DELETE.to(users::update::delete),
        users::update::REVOKE.to(users::update::revoke),
        audit::list::LIST.to(audit::list::list),
        audit::export::EXPORT.to(audit::export::export),
        audit::seals::LIST.to(audit::seals::list),
        audit::verify::VERIFY.to(audit::verify::verify),
        keys::rotate::LIST.to(keys::rotate::list),
        keys::rotate::ROTATE.to(keys::rotate::rotate),
        schema::READ.to(schema::read),
        status::READ.to(status::read),
        config::READ.to(config::read),
        hardening::READ.to(hardening::read),
        backups::list::LIST.to(backups::list::list),
        backups::list::REQUEST.to(backups::list::request),
    ]
}

/// The statement of the audit log's list: a test holds it to its indexes.
pub fn audit_list_statement() -> &'static str {
    audit::list::SELECT
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
