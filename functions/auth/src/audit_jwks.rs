//! `GET /.well-known/audit-jwks.json`: the public keys of audit seals (RFC 7517), all that ever sealed. Whoever verifies keeps
//! a copy: the database's owner could put others in their place.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::AuditKey;
use holdfast_shared::db::{FromRow, Statement, rows_of};
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static JWKS: Route = Route::get("/.well-known/audit-jwks.json", "audit.jwks")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Gives the public keys of audit seals, all that ever sealed.")
    .returns::<AuditJwks>();

const SELECT: &str = "SELECT x, y FROM audit_keys ORDER BY created_at, kid";

struct Stored(PublicKey);

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(PublicKey { x: row.try_get(0)?, y: row.try_get(1)? }))
    }
}

/// A JSON Web Key Set.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditJwks {
    /// The keys, in the order in which they first sealed.
    keys: Vec<AuditKey>,
}

pub(crate) async fn jwks(State(app): State<App>, _: RequestContext) -> Result<ApiResponse, Problem> {
    let keys: Vec<Stored> = rows_of(&app.db.query(&Statement::new(SELECT)).await?)?;
    ApiResponse::ok(&AuditJwks { keys: keys.into_iter().map(|Stored(key)| AuditKey::new(key)).collect() })
}
