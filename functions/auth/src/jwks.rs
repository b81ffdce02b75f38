//! `GET /.well-known/jwks.json`: the public keys that verify access tokens (RFC 7517).

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::identity::keys::Jwk;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

use crate::certificates;

pub(crate) static ROUTE: Route = Route::get("/.well-known/jwks.json", "auth.jwks")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Read the public keys that verify access tokens; none under HS256.")
    .returns::<Jwks>();

/// A JSON Web Key Set.
#[derive(Serialize, ToSchema)]
pub(crate) struct Jwks {
    /// Keys that have not expired, including one that is published and does not sign yet.
    keys: Vec<Jwk>,
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    if app.reload_keys(request.now).await? {
        certificates::certify_all(&app, request.now).await?;
    }
    ApiResponse::ok(&Jwks { keys: app.keys.public(request.now) })
}
