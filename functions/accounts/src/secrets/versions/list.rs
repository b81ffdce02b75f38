//! `GET /accounts/{id}/secrets/{name}/versions`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Name, Page, Params, RequestContext};

use super::SecretVersion;
use crate::secrets::{rejection, transaction};

pub(crate) static ROUTE: Route = Route::get("/accounts/{id}/secrets/{name}/versions", "secret.versions")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("List a secret's versions, the newest first, without their values.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<SecretVersion>>();

/// Rejects the request where the secret does not exist, so that it is not answered with an empty list.
const REQUIRE_SECRET: Sql = Sql::prepared(
    "SELECT reject('not_found') WHERE NOT EXISTS (
    SELECT FROM accounts a JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id
     WHERE a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL AND s.name = $2 AND s.deleted_at IS NULL)",
);

/// Unprepared: the cursor is optional.
pub(crate) const NEWEST_FIRST: Sql = Sql::unprepared(
    "SELECT v.version, v.created_at, v.key_version, v.restored_from FROM secret_versions v
     WHERE v.tenant_id = current_tenant() AND v.account_id = $1 AND v.name = $2 AND ($3::bigint IS NULL OR v.version < $3)
     ORDER BY v.version DESC LIMIT $4",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    _: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (before, rows) = (page.position::<i64>(0)?, page.rows());
    let require_secret = REQUIRE_SECRET.bind(&account).bind(&name);
    let newest_first = NEWEST_FIRST.bind(&account).bind(&name).bind(&before).bind(&rows);
    let transaction = transaction(&request, &app, account, &name).first(require_secret);
    let versions: Vec<SecretVersion> = transaction.all(newest_first).await.map_err(rejection)?;
    ApiResponse::ok(&page.list(versions, |last| vec![last.version.to_string()]))
}
