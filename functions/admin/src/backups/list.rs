//! `/admin/backups`: backups and restore drills, and the request for a backup.
//!
//! A request is a row that the backup function finds within minutes. To start it from here would take a right to invoke it,
//! and a way out of the network to do so, for the one function that the internet talks to.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

const KINDS: &[&str] = &["backup", "drill"];
const STATES: &[&str] = &["requested", "running", "succeeded", "failed"];

pub(crate) static LIST: Route = Route::get("/admin/backups", "backup.list")
    .access(Access::Admin(Permission::BackupsRead))
    .audited(Audited::Always)
    .summary("Lists backups and restore drills, the newest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("kind", ParameterKind::OneOf(KINDS), "Only backups, or only drills."),
        QueryParameter::new("state", ParameterKind::OneOf(STATES), "Only those in this state."),
    ])
    .returns::<List<Run>>();

pub(crate) static REQUEST: Route = Route::post("/admin/backups", "backup.request")
    .access(Access::Admin(Permission::BackupsRun))
    .creates()
    .summary("Asks for a backup. The backup function makes it at its next look, within five minutes.")
    .returns::<Run>()
    .rejects(&[Code::Conflict]);

const SELECT: &str = "SELECT r.id, r.kind, r.state, r.requested_at, r.started_at, r.finished_at, r.object_key, r.schema_version, r.size_bytes,
        r.compressed_bytes, r.sha256, r.server_version, r.client_version, r.row_counts, r.canary, r.error
      FROM backup_runs r
     WHERE request_allowed() AND ($1::uuid IS NULL OR r.id < $1) AND ($2::text IS NULL OR r.kind = $2) AND ($3::text IS NULL OR r.state = $3)
     ORDER BY r.id DESC LIMIT $4";

const INSERT: &str = "SELECT request_backup($1, $2)";

/// A backup, or a drill: the restore of the newest backup into a scratch database.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupRun)]
pub(crate) struct Run {
    /// Its id.
    id: Uuid,
    /// `backup` or `drill`.
    kind: String,
    /// `requested`, `running`, `succeeded` or `failed`.
    state: String,
    /// When it was asked for; of a scheduled one, when it started.
    requested_at: Time,
    /// When it started.
    started_at: Option<Time>,
    /// When it ended.
    finished_at: Option<Time>,
    /// How long it took, in seconds.
    duration_seconds: Option<f64>,
    /// The dump that was written, or restored.
    object_key: Option<String>,
    /// The schema's version in it.
    schema_version: Option<i32>,
    /// The size of the database on its server.
    size_bytes: Option<i64>,
    /// The size of the dump.
    compressed_bytes: Option<i64>,
    /// SHA-256 of the dump, in hexadecimal digits.
    sha256: Option<String>,
    /// PostgreSQL that was dumped; of a drill, that it was restored to.
    server_version: Option<String>,
    /// `pg_dump`'s version; of a drill `pg_restore`'s.
    client_version: Option<String>,
    /// How many rows of each table are in the dump; of a drill, were found again.
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>)]
    row_counts: Option<serde_json::Value>,
    /// Of a drill: `opened`, or `none` where the backup function has no vault key.
    canary: Option<String>,
    /// Why it failed.
    error: Option<String>,
}

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (started_at, finished_at): (Option<Time>, Option<Time>) = (row.try_get(4)?, row.try_get(5)?);
        let duration = started_at.zip(finished_at).map(|(started, finished)| finished.0.duration_since(started.0));
        Ok(Self {
            id: row.try_get(0)?,
            kind: row.try_get(1)?,
            state: row.try_get(2)?,
            requested_at: row.try_get(3)?,
            started_at,
            finished_at,
            duration_seconds: duration.map(|duration| duration.as_secs_f64()),
            object_key: row.try_get(6)?,
            schema_version: row.try_get(7)?,
            size_bytes: row.try_get(8)?,
            compressed_bytes: row.try_get(9)?,
            sha256: row.try_get(10)?,
            server_version: row.try_get(11)?,
            client_version: row.try_get(12)?,
            row_counts: row.try_get(13)?,
            canary: row.try_get(14)?,
            error: row.try_get(15)?,
        })
    }
}

impl Run {
    fn requested(id: Uuid, at: Time) -> Self {
        Self {
            id,
            kind: "backup".to_owned(),
            state: "requested".to_owned(),
            requested_at: at,
            started_at: None,
            finished_at: None,
            duration_seconds: None,
            object_key: None,
            schema_version: None,
            size_bytes: None,
            compressed_bytes: None,
            sha256: None,
            server_version: None,
            client_version: None,
            row_counts: None,
            canary: None,
            error: None,
        }
    }
}

pub(crate) async fn list(
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
    let select = Statement::new(SELECT).bind(&after).bind(&kind).bind(&state).bind(&rows);
    let runs: Vec<Run> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(runs, |last| vec![last.id.to_string()]))
}

pub(crate) async fn request(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let id = app.rng.uuid(request.now);
    let answer = ApiResponse::created("/admin/backups", &Run::requested(id, Time(request.now)))?;
    let insert = Statement::new(INSERT).bind(&id).bind(&request.now);
    request.transaction(&app).target("backup_id", id).answer(insert, answer).await
}
