//! `POST /admin/backups`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Sql;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use uuid::Uuid;

use super::BackupRun;

pub(crate) static ROUTE: Route = Route::post("/admin/backups", "backup.request")
    .access(Access::Admin(Permission::BackupsRun))
    .creates()
    .summary("Request a backup. The backup function starts it within five minutes.")
    .returns::<BackupRun>()
    .rejects(&[Code::Conflict]);

const INSERT: Sql = Sql::prepared("SELECT request_backup($1, $2)");

impl BackupRun {
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
            row_counts: None,
            canary: None,
            error: None,
        }
    }
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let id = app.rng.uuid(request.now);
    let response = ApiResponse::created("/admin/backups", &BackupRun::requested(id, Time(request.now)))?;
    let insert = INSERT.bind(&id).bind(&request.now);
    request
        .transaction(&app)
        .target("backup_id", id)
        .respond(insert, response)
        .await
        .map_err(|problem| problem.explain(Code::Conflict, || "A backup is already requested.".to_owned()))
}
