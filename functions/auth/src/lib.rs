//! Sign-in, sessions and the public keys that verify access tokens.

mod grant;
mod jwks;
mod login;
mod logout;
mod refresh;
mod throttle;
mod whoami;

use axum::Router;
use shared::app::App;
use shared::route::Endpoint;

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        login::LOGIN.to(login::login),
        refresh::REFRESH.to(refresh::refresh),
        logout::LOGOUT.to(logout::logout),
        whoami::WHOAMI.to(whoami::whoami),
        jwks::JWKS.to(jwks::jwks),
    ]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    shared::http::service(app, endpoints())
}
