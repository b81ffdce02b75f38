//! `GET /admin/hardening`: what the running function finds about every line of the hardening checklist, from its settings,
//! its routes and its database. What needs a look from outside is for `holdfast check`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Statement;
use holdfast_shared::hardening::{self, Fact, Finding, Outcome};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) static READ: Route = Route::get("/admin/hardening", "hardening.read")
    .access(Access::Admin(Permission::ConfigRead))
    .audited(Audited::Always)
    .summary(
        "Finds, for every line of the hardening checklist, whether it holds, with the evidence and the remediation.",
    )
    .returns::<Findings>();

const FACTS: &str = concat!(
    "SELECT row, holds, seen FROM (",
    include_str!("../../../shared/src/hardening/database.sql"),
    ") AS fact WHERE request_allowed()"
);

/// What was found.
#[derive(Serialize, ToSchema)]
#[schema(as = HardeningFindings)]
pub(crate) struct Findings {
    /// A finding for each line, in the checklist's order.
    findings: Vec<Finding>,
    /// How many there are of each result.
    summary: Summary,
}

/// How many findings there are of each result.
#[derive(Serialize, ToSchema)]
#[schema(as = HardeningSummary)]
pub(crate) struct Summary {
    /// Lines that hold.
    pass: usize,
    /// Lines that do not.
    fail: usize,
    /// Lines that could not be judged from here.
    unknown: usize,
}

pub(crate) async fn read(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let facts: Vec<Fact> = request.transaction(&app).all(Statement::new(FACTS).bind(&request.now)).await?;
    let mut observations = hardening::observe_settings(&app.config);
    observations.extend(hardening::observe_routes(crate::endpoints().iter().map(|endpoint| endpoint.route)));
    observations.extend(hardening::observe_database(facts));
    let findings = hardening::findings(&observations);
    let count = |result: Outcome| findings.iter().filter(|finding| finding.result == result).count();
    let summary = Summary { pass: count(Outcome::Pass), fail: count(Outcome::Fail), unknown: count(Outcome::Unknown) };
    ApiResponse::ok(&Findings { findings, summary })
}
