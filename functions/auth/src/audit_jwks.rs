//! `GET /.well-known/audit-jwks.json`: the public keys of all audit seals (RFC 7517): those that the configuration pins. A key
//! that somebody adds to the database is not shown.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::AuditKey;
use holdfast_shared::db::{FromRow, Sql, Statement, rows_of};
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) static ROUTE: Route = Route::get("/.well-known/audit-jwks.json", "audit.jwks")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Read the public keys of all audit seals, past and present.")
    .returns::<AuditJwks>();

/// A JSON Web Key Set.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditJwks {
    /// Keys, in the order of their first seals.
    keys: Vec<AuditKey>,
}

const SELECT: Sql = Sql::prepared("SELECT x, y FROM audit_keys ORDER BY created_at, kid");

#[derive(FromRow)]
struct AuditKeyRow {
    x: String,
    y: String,
}

pub(crate) async fn handle(State(app): State<App>, _: RequestContext) -> Result<ApiResponse, Problem> {
    let pins = app.audit_pins().await?;
    let rows: Vec<AuditKeyRow> = rows_of(&app.db.query(&Statement::from(SELECT)).await?)?;
    let keys = rows.into_iter().map(|AuditKeyRow { x, y }| PublicKey { x, y }).filter(|key| pins.contains(key));
    ApiResponse::ok(&AuditJwks { keys: keys.map(AuditKey::new).collect() })
}
