//! Sign-in, sessions and the public keys that verify access tokens.

mod audit_jwks;
mod browser;
mod jwks;
mod login;
mod logout;
mod mfa;
mod password;
mod refresh;
mod sessions;
mod sign_in;
mod tokens;
mod whoami;

use axum::Router;
use holdfast_shared::app::App;
use holdfast_shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        login::LOGIN.to(login::login),
        refresh::REFRESH.to(refresh::refresh),
        logout::LOGOUT.to(logout::logout),
        browser::LOGIN.to(browser::login),
        browser::REFRESH.to(browser::refresh),
        browser::LOGOUT.to(browser::logout),
        whoami::WHOAMI.to(whoami::whoami),
        password::CHANGE.to(password::change),
        mfa::totp::ENROL.to(mfa::totp::enrol),
        mfa::totp::CONFIRM.to(mfa::totp::confirm),
        mfa::totp::REMOVE.to(mfa::totp::remove),
        sessions::LIST.to(sessions::list),
        sessions::END.to(sessions::end),
        tokens::LIST.to(tokens::list),
        tokens::CREATE.to(tokens::create),
        tokens::REVOKE.to(tokens::revoke),
        jwks::JWKS.to(jwks::jwks),
        audit_jwks::JWKS.to(audit_jwks::jwks),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
