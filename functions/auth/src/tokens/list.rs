//! `GET /auth/tokens`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TokenId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, RequestContext};

use super::ApiToken;

pub(crate) static ROUTE: Route = Route::get("/auth/tokens", "token.list")
    .access(Access::Admin(Permission::TokensRead))
    .summary("List the API tokens that are not revoked, the oldest first.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<ApiToken>>();

/// Unprepared: the cursor is optional.
const OLDEST_FIRST: Sql = Sql::unprepared(
    "SELECT id, name, scopes, prefix, created_by, created_at, expires_at, last_used_at,
        created_by IS NOT NULL AND NOT EXISTS (
            SELECT FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = t.created_by AND u.status = 'active') AS orphaned
      FROM api_tokens t
     WHERE tenant_id = current_tenant() AND revoked_at IS NULL AND ($1::uuid IS NULL OR id > $1)
     ORDER BY id LIMIT $2",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (after, rows) = (page.position::<TokenId>(0)?, page.rows());
    let tokens: Vec<ApiToken> = request.transaction(&app).all(OLDEST_FIRST.bind(&after).bind(&rows)).await?;
    ApiResponse::ok(&page.list(tokens, |last| vec![last.id.to_string()]))
}
