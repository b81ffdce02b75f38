//! `GET /admin/hardening`: what the running function finds about every line of the hardening checklist, from its settings,
//! its routes and its database. What needs a look from outside is for `holdfast check`.

use axum::extract::State;
use serde::Serialize;
use shared::app::App;
use shared::db::Statement;
use shared::hardening::{self, Fact, Finding, Outcome};
use shared::http::{Answer, Call};
use shared::permission::Permission;
use shared::problem::Problem;
use shared::route::{Access, Audited, Route};
use utoipa::ToSchema;

pub(crate) static READ: Route = Route::get("/admin/hardening", "hardening.read")
    .access(Access::Holder(Permission::ConfigRead))
    .audited(Audited::Always)
    .summary("Finds, for every line of the hardening checklist, whether it holds, with the evidence and the mend.")
    .answers::<Findings>();

const FACTS: &str = concat!(
    "SELECT row, holds, seen FROM (",
    include_str!("../../../shared/src/hardening/database.sql"),
    ") AS fact WHERE proceeding()"
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

pub(crate) async fn read(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let facts: Vec<Fact> = call.transaction(&app).all(Statement::new(FACTS).bind(&call.now)).await?;
    let mut observations = hardening::observe_settings(&app.config);
    observations.extend(hardening::observe_routes(crate::endpoints().iter().map(|endpoint| endpoint.route)));
    observations.extend(hardening::observe_database(facts));
    let findings = hardening::findings(&observations);
    let count = |result: Outcome| findings.iter().filter(|finding| finding.result == result).count();
    let summary = Summary { pass: count(Outcome::Pass), fail: count(Outcome::Fail), unknown: count(Outcome::Unknown) };
    Answer::ok(&Findings { findings, summary })
}
