//! `GET /admin/hardening`: what the running function finds about every control of the hardening checklist, from its
//! settings, its routes and its database. `holdfast check` covers what can be seen only from outside.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::privileges::Privilege;
use holdfast_shared::db::{Sql, Statement, rows_of};
use holdfast_shared::hardening::{self, Fact, Finding, Outcome};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::schema::SchemaObject;
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) static ROUTE: Route = Route::get("/admin/hardening", "hardening.read")
    .access(Access::Admin(Permission::ConfigRead))
    .audited(Audited::Always)
    .summary("Check every control of the hardening checklist and report evidence and remediation.")
    .returns::<HardeningFindings>();

/// Unprepared: too rare to keep.
const FACTS: Sql = Sql::unprepared(concat!(
    "SELECT row, holds, seen FROM (",
    include_str!("../../../shared/src/hardening/database.sql"),
    ") AS fact WHERE current_tenant() IS NOT NULL"
));

const FUNCTIONS: Sql = Sql::unprepared(concat!(
    "SELECT kind, name, definition FROM (",
    include_str!("../../../shared/src/schema/catalogue.sql"),
    ") AS object WHERE kind = 'function' AND current_tenant() IS NOT NULL"
));

const PRIVILEGES: Sql = Sql::unprepared(concat!(
    "SELECT role, object, privilege FROM (",
    include_str!("../../../shared/src/db/privileges/effective.sql"),
    ") AS granted WHERE current_tenant() IS NOT NULL"
));

/// The findings of a check.
#[derive(Serialize, ToSchema)]
pub(crate) struct HardeningFindings {
    /// One finding per control, in the order of the checklist.
    findings: Vec<Finding>,
    /// Number of findings of each result.
    summary: HardeningSummary,
}

/// Number of findings of each result.
#[derive(Serialize, ToSchema)]
pub(crate) struct HardeningSummary {
    /// Controls that hold.
    pass: usize,
    /// Controls that do not hold.
    fail: usize,
    /// Controls that cannot be checked from here.
    unknown: usize,
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let statements = vec![FACTS.bind(&request.now), Statement::from(FUNCTIONS), Statement::from(PRIVILEGES)];
    let mut rows = request.transaction(&app).each(statements).await?.into_iter();
    let facts: Vec<Fact> = rows_of(&rows.next().unwrap_or_default())?;
    let functions: Vec<SchemaObject> = rows_of(&rows.next().unwrap_or_default())?;
    let privileges: Vec<Privilege> = rows_of(&rows.next().unwrap_or_default())?;
    let mut observations = hardening::observe_settings(&app.config);
    observations.extend(hardening::observe_routes(crate::endpoints().iter().map(|endpoint| endpoint.route)));
    observations.extend(hardening::observe_database(facts));
    observations.push(hardening::observe_attempts(&functions));
    observations.push(hardening::observe_privileges(privileges));
    let findings = hardening::findings(&observations);
    let count = |result: Outcome| findings.iter().filter(|finding| finding.result == result).count();
    let (pass, fail, unknown) = (count(Outcome::Pass), count(Outcome::Fail), count(Outcome::Unknown));
    ApiResponse::ok(&HardeningFindings { findings, summary: HardeningSummary { pass, fail, unknown } })
}
