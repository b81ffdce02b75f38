//! `GET /readyz`: readiness.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use holdfast_shared::app::App;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::ApiResponse;
use http::{HeaderValue, StatusCode, header};

use crate::Health;

pub(crate) static ROUTE: Route = Route::get("/readyz", "health.ready")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Check that the database can be reached and has a schema that this build serves.")
    .returns::<Health>();

pub(crate) async fn handle(State(app): State<App>) -> Result<Response, Problem> {
    if let Err(error) = app.db.ready().await {
        tracing::warn!(%error, "not ready");
        let mut response = ApiResponse::ok(&Health { status: "unavailable" })?.into_response();
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(response);
    }
    Ok(ApiResponse::ok(&Health { status: "ready" })?.into_response())
}
