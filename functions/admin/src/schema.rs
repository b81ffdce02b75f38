//! `GET /admin/schema`: the schema's version, what is still to be migrated, what failed, and what somebody changed past the
//! migrations.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, SCHEMA_VERSIONS, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::schema::{self, Difference, Object};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static READ: Route = Route::get("/admin/schema", "schema.read")
    .access(Access::Admin(Permission::SchemaRead))
    .audited(Audited::Always)
    .summary(
        "Tells the schema's version, which migrations are pending or failed, and what differs from what they make.",
    )
    .returns::<SchemaState>();

/// The catalogue, and the history of migrations as two more kinds of object.
const SELECT: &str = concat!(
    "WITH catalogue AS MATERIALIZED (",
    include_str!("../../../shared/src/schema/catalogue.sql"),
    ") SELECT kind, name, definition, NULL::timestamptz AS at FROM catalogue WHERE request_allowed()
    UNION ALL
    SELECT 'applied', version::text, name, NULL FROM refinery_schema_history WHERE request_allowed()
    UNION ALL
    SELECT 'failed', version::text, error, at FROM migration_failures
     WHERE request_allowed() AND version = (SELECT max(version) FROM refinery_schema_history)
    ORDER BY 4"
);

/// The schema, as it is and as it should be.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchemaState {
    /// The version that the database is at.
    version: i32,
    /// The version that this build was made for.
    expected: i32,
    /// The versions that are still to be migrated.
    pending: Vec<i32>,
    /// Migrations that failed since the schema is at its version.
    failed: Vec<FailedMigration>,
    /// What is not as the migrations make it. While migrations are pending, what they would bring is missing.
    drift: Vec<Difference>,
}

/// A migration that failed; nothing of the failed step was kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailedMigration {
    /// When.
    at: Time,
    /// What failed.
    error: String,
}

struct Line {
    object: Object,
    at: Option<Time>,
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { object: Object::from_row(row)?, at: row.try_get("at")? })
    }
}

pub(crate) async fn read(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let lines: Vec<Line> = request.transaction(&app).all(Statement::new(SELECT)).await?;
    let (mut applied, mut failed, mut found) = (Vec::new(), Vec::new(), Vec::with_capacity(lines.len()));
    for Line { object, at } in lines {
        match (object.kind.as_str(), at) {
            ("applied", _) => applied.extend(object.name.parse::<i32>()),
            ("failed", Some(at)) => failed.push(FailedMigration { at, error: object.definition }),
            _ => found.push(object),
        }
    }
    let expected = *SCHEMA_VERSIONS.end();
    ApiResponse::ok(&SchemaState {
        version: applied.iter().copied().max().unwrap_or(0),
        expected,
        pending: (1..=expected).filter(|version| !applied.contains(version)).collect(),
        failed,
        drift: schema::differences(schema::expected(), found),
    })
}
