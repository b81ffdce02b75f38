//! `GET /admin/backups`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};
use uuid::Uuid;

use super::BackupRun;

const KINDS: &[&str] = &["backup", "drill"];
const STATES: &[&str] = &["requested", "running", "succeeded", "failed"];

pub(crate) static ROUTE: Route = Route::get("/admin/backups", "backup.list")
    .access(Access::Admin(Permission::BackupsRead))
    .audited(Audited::Always)
    .summary("List backups and restore drills, newest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("kind", ParameterKind::OneOf(KINDS), "Only backups, or only drills."),
        QueryParameter::new("state", ParameterKind::OneOf(STATES), "Only runs in this state."),
    ])
    .returns::<List<BackupRun>>();

/// Unprepared: the filters are optional.
const SELECT: Sql = Sql::unprepared(
    "SELECT r.id, r.kind, r.state, r.requested_at, r.started_at, r.finished_at,
        extract(epoch FROM r.finished_at - r.started_at)::float8 AS duration_seconds, r.object_key, r.schema_version,
        r.size_bytes, r.compressed_bytes, r.sha256, r.server_version, r.row_counts, r.canary, r.error
      FROM backup_runs r
     WHERE ($1::uuid IS NULL OR r.id < $1) AND ($2::text IS NULL OR r.kind = $2)
       AND ($3::text IS NULL OR r.state = $3)
     ORDER BY r.id DESC LIMIT $4",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let one_of = |name, words: &[&str], message| match params.text(name) {
        Some(word) if !words.contains(&word) => Err(Problem::field(name, message)),
        word => Ok(word),
    };
    let kind = one_of("kind", KINDS, "must be backup or drill")?;
    let state = one_of("state", STATES, "must be requested, running, succeeded or failed")?;
    let (after, rows) = (page.position::<Uuid>(0)?, page.rows());
    let select = SELECT.bind(&after).bind(&kind).bind(&state).bind(&rows);
    let runs: Vec<BackupRun> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(runs, |last| vec![last.id.to_string()]))
}
