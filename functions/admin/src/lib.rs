//! Administration and the audit log. By signed-in users only, never by API tokens.

mod audit;
mod backups;
mod config;
mod hardening;
mod keys;
mod passwords;
mod quotas;
mod schema;
mod status;
mod tenant;
mod tenants;
mod user;
mod users;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        tenants::LIST.to(tenants::list),
        tenants::CREATE.to(tenants::create),
        tenant::READ.to(tenant::read),
        tenant::CHANGE.to(tenant::change),
        users::LIST.to(users::list),
        users::CREATE.to(users::create),
        user::READ.to(user::read),
        user::CHANGE.to(user::change),
        user::DELETE.to(user::delete),
        user::REVOKE.to(user::revoke),
        audit::LIST.to(audit::list),
        audit::export::EXPORT.to(audit::export::export),
        audit::seals::LIST.to(audit::seals::list),
        audit::verify::VERIFY.to(audit::verify::verify),
        keys::LIST.to(keys::list),
        keys::ROTATE.to(keys::rotate),
        schema::READ.to(schema::read),
        status::READ.to(status::read),
        config::READ.to(config::read),
        hardening::READ.to(hardening::read),
        backups::LIST.to(backups::list),
        backups::REQUEST.to(backups::request),
    ]
}

/// The statement of the audit log's list: a test holds it to its indexes.
pub fn audit_list_statement() -> &'static str {
    audit::SELECT
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
