//! `GET /admin/status`: the running build, the version of the schema, and the enabled features.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::config::Config;
use holdfast_shared::db::{FromRow, Sql, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

/// Requires the one permission that all administrative roles have and no other role has.
pub(crate) static ROUTE: Route = Route::get("/admin/status", "status.read")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .summary("Report the running build, the version of the schema and the enabled features.")
    .returns::<SystemStatus>();

const VERSION: Sql = Sql::prepared("SELECT max(version) AS version FROM refinery_schema_history");

/// Build, schema and features of this deployment.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemStatus {
    /// Version of the build.
    version: &'static str,
    /// Commit of the build; `unknown` if it was built outside a repository.
    commit: &'static str,
    /// `SOURCE_DATE_EPOCH` of the build if it was set, else the time of the commit: the same source builds the same binary.
    build_time: &'static str,
    /// Version of the database's schema.
    schema_version: i32,
    /// Enabled features.
    features: Vec<&'static str>,
}

#[derive(FromRow)]
struct SchemaVersion {
    version: i32,
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let schema: SchemaVersion = request.transaction(&app).one(Statement::from(VERSION)).await?;
    ApiResponse::ok(&SystemStatus {
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("HOLDFAST_COMMIT"),
        build_time: env!("HOLDFAST_BUILD_TIME"),
        schema_version: schema.version,
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
