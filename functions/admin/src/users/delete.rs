//! `DELETE /admin/users/{id}`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Id, Params, RequestContext};

use super::{KEEP_TOKENS, LOCK, keeps_tokens};

pub(crate) static ROUTE: Route = Route::delete("/admin/users/{id}", "user.delete")
    .access(Access::Admin(Permission::UsersWrite))
    .recent()
    .in_tenant()
    .summary(
        "Delete a user permanently, with the API tokens that the user created. The user's rows of the audit log stay.",
    )
    .query(&[KEEP_TOKENS])
    .rejects(&[Code::Conflict]);

const DELETE: Sql = Sql::prepared(
    "WITH target AS (
        SELECT id, version FROM users WHERE tenant_id = current_tenant() AND id = $1
    ), checked AS (
        SELECT CASE WHEN t.id IS NULL THEN 'not_found'
                    WHEN t.version <> ALL ($2) THEN 'precondition_failed'
                    WHEN t.id = $3 OR is_last_admin(t.id) THEN 'conflict' END AS rejection
          FROM (VALUES (1)) AS request LEFT JOIN target t ON true
    ), deleted AS (
        DELETE FROM users USING target, checked WHERE users.id = target.id AND checked.rejection IS NULL RETURNING users.id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM deleted) THEN release_quota('users') ELSE reject(rejection) END FROM checked",
);

const REVOKE_TOKENS: Sql = Sql::prepared("SELECT revoke_tokens_of_maker($1, $2)");

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
    params: Params,
) -> Result<NoContent, Problem> {
    let keep_tokens = keeps_tokens(&params)?;
    let actor = request.user()?.sub;
    let delete = DELETE.bind(&id).bind(&request.if_match.0).bind(&actor);
    let revoke_tokens = (!keep_tokens).then(|| REVOKE_TOKENS.bind(&id).bind(&request.now));
    let conflict = || "You cannot delete yourself or the last administrator.".to_owned();
    request
        .transaction(&app)
        .target("user_id", id.0)
        .first(LOCK.bind(&id))
        .execute(std::iter::once(delete).chain(revoke_tokens).collect())
        .await
        .map_err(|problem| problem.explain(Code::Conflict, conflict))?;
    Ok(NoContent)
}
