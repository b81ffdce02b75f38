//! `GET /admin/status`: which build this is, over which schema, with what switched on.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::config::Config;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

/// The permission that all administrative roles have, and no other role.
pub(crate) static READ: Route = Route::get("/admin/status", "status.read")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .summary("Tells which build answers, over which version of the schema, with which features.")
    .returns::<Status>();

const VERSION: &str = "SELECT max(version) FROM refinery_schema_history WHERE request_allowed()";

/// What answers.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemStatus)]
pub(crate) struct Status {
    /// The build's version.
    version: &'static str,
    /// The commit that it was built from; `unknown` outside a repository.
    commit: &'static str,
    /// `SOURCE_DATE_EPOCH` of the build where it was set, else the commit's time: the same source gives the same binary.
    build_time: &'static str,
    /// The version that the schema is at.
    schema_version: i32,
    /// What is switched on.
    features: Vec<&'static str>,
}

struct Version(i32);

impl FromRow for Version {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get(0).map(Self)
    }
}

pub(crate) async fn read(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let Version(schema_version) = request.transaction(&app).one(Statement::new(VERSION)).await?;
    ApiResponse::ok(&Status {
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("HOLDFAST_COMMIT"),
        build_time: env!("HOLDFAST_BUILD_TIME"),
        schema_version,
        features: features(&app.config),
    })
}

fn features(config: &Config) -> Vec<&'static str> {
    let signing = config.signing_kms_key.is_some();
    let named = [
        ("signing_kms", signing),
        ("signing_key_file", !signing && config.signing_key_file.is_some()),
        ("signing_hs256", config.jwt_secret.is_some()),
        ("vault_kms", config.vault_kms_key.is_some()),
        ("vault_local_key", config.vault_key.is_some()),
        ("audit_reads", config.audit_reads),
        ("mfa_required", !config.mfa_roles.is_empty()),
        ("cors", !config.cors_origins.is_empty()),
    ];
    named.into_iter().filter_map(|(name, on)| on.then_some(name)).collect()
}
