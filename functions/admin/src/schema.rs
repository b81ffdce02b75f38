//! `GET /admin/schema`: the version of the schema, pending and failed migrations, and every change that was not made by a
//! migration.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, SCHEMA_VERSIONS, Sql, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::schema::{self, Difference, SchemaObject};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) static ROUTE: Route = Route::get("/admin/schema", "schema.read")
    .access(Access::Admin(Permission::SchemaRead))
    .audited(Audited::Always)
    .summary("Report the schema's version, pending and failed migrations, and differences from the expected schema.")
    .returns::<SchemaState>();

/// The catalogue, and the history of migrations as two more kinds of object. Unprepared: too rare to keep.
const SELECT: Sql = Sql::unprepared(concat!(
    "WITH catalogue AS MATERIALIZED (",
    include_str!("../../../shared/src/schema/catalogue.sql"),
    ") SELECT kind, name, definition, NULL::timestamptz AS at FROM catalogue WHERE current_tenant() IS NOT NULL
    UNION ALL
    SELECT 'applied', version::text, name, NULL FROM refinery_schema_history WHERE current_tenant() IS NOT NULL
    UNION ALL
    SELECT 'failed', version::text, error, at FROM migration_failures
     WHERE version = (SELECT max(version) FROM refinery_schema_history)
    ORDER BY at"
));

/// The actual schema and the expected one.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchemaState {
    /// Version of the database's schema.
    version: i32,
    /// Version that this build expects.
    expected: i32,
    /// Versions that are not applied yet.
    pending: Vec<i32>,
    /// Migrations that failed since the current version was applied.
    failed: Vec<FailedMigration>,
    /// Differences from the schema that the migrations create. What pending migrations would add is reported as missing.
    drift: Vec<Difference>,
}

/// A failed migration. Its step was rolled back.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailedMigration {
    /// Time of the failure.
    at: Time,
    /// Error message.
    error: String,
}

#[derive(FromRow)]
struct CatalogueLine {
    #[row(flatten)]
    object: SchemaObject,
    at: Option<Time>,
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let lines: Vec<CatalogueLine> = request.transaction(&app).all(Statement::from(SELECT)).await?;
    let (mut applied, mut failed, mut found) = (Vec::new(), Vec::new(), Vec::with_capacity(lines.len()));
    for CatalogueLine { object, at } in lines {
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
