//! `DELETE /admin/users/{id}/mfa`: for a user who lost the authenticator app and the recovery codes.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, RequestContext};

use super::LOCK;

pub(crate) static ROUTE: Route = Route::delete("/admin/users/{id}/mfa", "user.remove_mfa")
    .access(Access::Admin(Permission::UsersWrite))
    .recent()
    .unconditional()
    .in_tenant()
    .summary("Remove the second factors of another user.");

/// The sessions of a user whose role requires a second factor may then only enrol a new one.
const REMOVE: Sql = Sql::prepared(
    "WITH target AS (
        SELECT id, role FROM users WHERE tenant_id = current_tenant() AND id = $1
    ), removed AS (
        DELETE FROM totp_secrets WHERE tenant_id = current_tenant() AND user_id = $1
    ), codes AS (
        DELETE FROM recovery_codes WHERE tenant_id = current_tenant() AND user_id = $1
    ), restricted AS (
        UPDATE sessions SET mfa_pending = true FROM target
         WHERE sessions.tenant_id = current_tenant() AND sessions.user_id = target.id AND sessions.ended_at IS NULL
           AND target.role = ANY ($2)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found' END)",
);

/// Detail of the rejection of one's own second factors: a stolen session must not remove them.
const OWN_FACTORS: &str = "Disable your own one-time codes at /auth/mfa/totp, which asks for one.";

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<NoContent, Problem> {
    if request.user()?.sub == id {
        return Err(Problem::new(Code::Forbidden, OWN_FACTORS));
    }
    let required: Vec<&str> = app.config.mfa_roles.iter().copied().map(Role::name).collect();
    let remove = REMOVE.bind(&id).bind(&required);
    let transaction = request.transaction(&app).target("user_id", id.0).changes(["totp"]);
    transaction.first(LOCK.bind(&id)).execute(vec![remove]).await?;
    Ok(NoContent)
}
