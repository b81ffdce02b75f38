//! Sign-in, sessions, API tokens, and the public keys that verify access tokens.

mod audit_jwks;
mod browser;
mod certificates;
mod jwks;
mod login;
mod logout;
mod mfa;
mod password;
mod refresh;
mod sessions;
mod sign_in;
mod step_up;
mod tokens;
mod whoami;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![
        login::ROUTE.to(login::handle),
        refresh::ROUTE.to(refresh::handle),
        logout::ROUTE.to(logout::handle),
        browser::login::ROUTE.to(browser::login::handle),
        browser::refresh::ROUTE.to(browser::refresh::handle),
        browser::logout::ROUTE.to(browser::logout::handle),
        whoami::ROUTE.to(whoami::handle),
        password::ROUTE.to(password::handle),
        step_up::ROUTE.to(step_up::handle),
        mfa::totp::create::ROUTE.to(mfa::totp::create::handle),
        mfa::totp::confirm::ROUTE.to(mfa::totp::confirm::handle),
        mfa::totp::delete::ROUTE.to(mfa::totp::delete::handle),
        mfa::recovery_codes::ROUTE.to(mfa::recovery_codes::handle),
        sessions::list::ROUTE.to(sessions::list::handle),
        sessions::delete::ROUTE.to(sessions::delete::handle),
        tokens::list::ROUTE.to(tokens::list::handle),
        tokens::create::ROUTE.to(tokens::create::handle),
        tokens::delete::ROUTE.to(tokens::delete::handle),
        jwks::ROUTE.to(jwks::handle),
        audit_jwks::ROUTE.to(audit_jwks::handle),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
