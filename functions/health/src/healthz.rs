//! `GET /healthz`: liveness.

use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::ApiResponse;

use crate::Health;

pub(crate) static ROUTE: Route = Route::get("/healthz", "health.live")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Check that the function runs; nothing else is checked.")
    .returns::<Health>();

pub(crate) async fn handle() -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&Health { status: "ok" })
}
