//! `GET /.well-known/jwks.json`: the public keys that verify access tokens (RFC 7517).

use axum::extract::State;
use serde::Serialize;
use shared::app::App;
use shared::http::{Answer, Call};
use shared::identity::keys::Jwk;
use shared::problem::Problem;
use shared::route::{Access, Audited, Route};
use utoipa::ToSchema;

pub(crate) static JWKS: Route = Route::get("/.well-known/jwks.json", "auth.jwks")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Gives the public keys now and those still valid; none under HS256.")
    .answers::<Jwks>();

/// A JSON Web Key Set.
#[derive(Serialize, ToSchema)]
pub(crate) struct Jwks {
    /// The keys.
    keys: Vec<Jwk>,
}

pub(crate) async fn jwks(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    app.db.learn_keys(call.now).await?;
    Answer::ok(&Jwks { keys: app.keys.public(call.now) })
}
