//! `GET /admin/config`: what this deployment is configured with, and where each value came from. Secrets are never shown.

use axum::extract::State;
use shared::app::App;
use shared::config::Effective;
use shared::http::{Answer, Call, List};
use shared::permission::Permission;
use shared::problem::Problem;
use shared::route::{Access, Audited, Route};

pub(crate) static READ: Route = Route::get("/admin/config", "config.read")
    .access(Access::Holder(Permission::ConfigRead))
    .audited(Audited::Always)
    .summary("Lists the settings of the admin function with their sources; of secrets only whether they are set.")
    .answers::<List<Effective>>();

pub(crate) async fn read(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    call.transaction(&app).execute(Vec::new()).await?;
    Answer::ok(&List { items: app.config.effective.iter().collect(), next_cursor: None })
}
