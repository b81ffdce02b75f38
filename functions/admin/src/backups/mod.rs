//! `/admin/backups`: backups and restore drills.
//!
//! To request a backup is to add a row that the backup function finds within minutes. Invoking that function from here
//! would need a permission and a network egress, for the one function that is exposed to the internet.

pub(crate) mod create;
pub(crate) mod list;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A backup, or a drill: the restore of the newest backup into a scratch database.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct BackupRun {
    /// Id of the run.
    id: Uuid,
    /// `backup` or `drill`.
    kind: String,
    /// `requested`, `running`, `succeeded` or `failed`.
    state: String,
    /// Time of the request; for a scheduled run, the start.
    requested_at: Time,
    /// Time of the start.
    started_at: Option<Time>,
    /// Time of the end.
    finished_at: Option<Time>,
    /// Duration in seconds.
    duration_seconds: Option<f64>,
    /// The archive that was written, or restored.
    object_key: Option<String>,
    /// Version of the schema in the archive.
    schema_version: Option<i32>,
    /// Size of the database on its server.
    size_bytes: Option<i64>,
    /// Size of the archive.
    compressed_bytes: Option<i64>,
    /// SHA-256 of the archive, in hexadecimal digits.
    sha256: Option<String>,
    /// PostgreSQL version that was backed up; for a drill, that was restored to.
    server_version: Option<String>,
    /// Rows of each table in the archive; for a drill, as found after the restore.
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>)]
    row_counts: Option<serde_json::Value>,
    /// For a drill: `opened`, or `none` if the backup function has no vault key.
    canary: Option<String>,
    /// Reason of the failure.
    error: Option<String>,
}
