//! `GET /admin/keys`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, List, RequestContext};

use super::ManagedKey;

pub(crate) static ROUTE: Route = Route::get("/admin/keys", "key.list")
    .access(Access::Admin(Permission::KeysRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("List the signing keys and the vault keys of the chosen tenant, or of the platform if none is chosen.")
    .returns::<List<ManagedKey>>();

/// Unprepared: too rare to keep.
const SELECT: Sql = Sql::unprepared(
    "SELECT 'signing' AS kind, k.kid AS id, k.created_at, k.activates_at, k.expires_at,
        CASE WHEN k.expires_at <= $1 THEN 'expired' WHEN k.activates_at > $1 THEN 'published'
             WHEN k.kid = (SELECT kid FROM active_signing_key($1)) THEN 'active' ELSE 'retiring' END AS state
      FROM signing_keys k
    UNION ALL
    SELECT 'vault', CASE k.purpose WHEN 'secret' THEN '' ELSE k.purpose || '-' END || 'v' || k.version, k.created_at, NULL, NULL, k.state
      FROM vault_keys k WHERE k.tenant_id = current_tenant()
    ORDER BY kind, created_at, id",
);

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let items: Vec<ManagedKey> = request.transaction(&app).all(SELECT.bind(&request.now)).await?;
    ApiResponse::ok(&List { items, next_cursor: None })
}
