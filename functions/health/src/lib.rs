//! Liveness and readiness, for anyone who asks; neither says why.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use holdfast_shared::app::App;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Endpoint, Route};
use holdfast_shared::web::ApiResponse;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

static HEALTHZ: Route = Route::get("/healthz", "health.live")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Says that the function runs; asks nothing else.")
    .returns::<Health>();

static READYZ: Route = Route::get("/readyz", "health.ready")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Says whether the database can be reached and has a schema that this build serves.")
    .returns::<Health>();

/// How it stands.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`; on `/readyz`, `ready` or `unavailable`.
    status: &'static str,
}

async fn live() -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&Health { status: "ok" })
}

async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    if let Err(error) = app.db.ready().await {
        tracing::warn!(%error, "not ready");
        let mut response = ApiResponse::ok(&Health { status: "unavailable" })?.into_response();
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(response);
    }
    Ok(ApiResponse::ok(&Health { status: "ready" })?.into_response())
}

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![HEALTHZ.to(live), READYZ.to(ready)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
