//! `GET /admin/config`: the settings of this deployment and the source of each value. Secrets are never shown.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::config::EffectiveSetting;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, List, RequestContext};

pub(crate) static ROUTE: Route = Route::get("/admin/config", "config.read")
    .access(Access::Admin(Permission::ConfigRead))
    .audited(Audited::Always)
    .summary("List the settings of the admin function and their sources. A secret is shown only as set or not set.")
    .returns::<List<EffectiveSetting>>();

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    request.transaction(&app).execute(Vec::new()).await?;
    ApiResponse::ok(&List { items: app.config.effective.iter().collect(), next_cursor: None })
}
