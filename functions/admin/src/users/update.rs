//! `PATCH /admin/users/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{Sql, rows_of};
use holdfast_shared::id::UserId;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Username;
use holdfast_shared::web::{ApiResponse, Changes, Id, Params, Patch, RequestContext};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{KEEP_TOKENS, LOCK, OwnerNames, User, check_role, columns, keeps_tokens};
use crate::passwords;

pub(crate) static ROUTE: Route = Route::patch("/admin/users/{id}", "user.update")
    .access(Access::Admin(Permission::UsersWrite))
    .recent()
    .in_tenant()
    .summary("Update a user. A new role or password, or a suspension, ends the user's sessions; a suspension also the API tokens that the user created.")
    .query(&[KEEP_TOKENS])
    .body::<UserChange>()
    .returns::<User>()
    .rejects(&[Code::Conflict]);

const UPDATE: Sql = Sql::prepared(concat!(
    "WITH target AS (
        SELECT id, version, role, status, coalesce($5, role) AS new_role, coalesce($6, status) AS new_status
          FROM users WHERE tenant_id = current_tenant() AND id = $1
    ), checked AS (
        SELECT CASE WHEN t.id IS NULL THEN 'not_found'
                    WHEN t.version <> ALL ($2) THEN 'precondition_failed'
                    WHEN (t.new_role, t.new_status) <> (t.role, t.status) AND t.id = $3 THEN 'conflict'
                    WHEN (t.new_role, t.new_status) <> (t.role, t.status) AND is_last_admin(t.id) THEN 'conflict'
                    WHEN EXISTS (SELECT FROM users WHERE tenant_id = current_tenant() AND username_key = $10 AND id <> t.id)
                    THEN 'conflict' END AS rejection
          FROM (VALUES (1)) AS request LEFT JOIN target t ON true
    ), u AS (
        UPDATE users SET username = coalesce($4, username), username_key = coalesce($10, username_key),
            role = target.new_role, status = target.new_status, version = users.version + 1, updated_at = $8
          FROM target, checked WHERE users.id = target.id AND checked.rejection IS NULL
        RETURNING users.id, users.tenant_id, users.username, users.role, users.status, users.version, users.created_at,
            users.updated_at
    ), ended AS (
        UPDATE sessions SET ended_at = $8, end_reason = CASE WHEN $7 THEN 'password' ELSE 'revoked' END
          FROM target, u
         WHERE sessions.tenant_id = current_tenant() AND sessions.user_id = u.id AND sessions.ended_at IS NULL
           AND (u.role <> target.role OR u.status = 'suspended' OR $7)
    ), revoked AS MATERIALIZED (
        SELECT CASE WHEN u.status = 'suspended' AND NOT $9 THEN revoke_tokens_of_maker(u.id, $8) END FROM u
    )
    SELECT (SELECT count(*) FROM revoked), ",
    columns!(),
    ", reject(checked.rejection) FROM checked LEFT JOIN u ON true"
));

/// A statement of its own: keeping the old hash where no password is given would read it, and this function's login cannot.
/// After a rejection it finds no row.
const SET_PASSWORD: Sql =
    Sql::prepared("UPDATE users SET password_hash = $2 WHERE id = $1 AND tenant_id = current_tenant()");

/// Detail of a conflict. The database does not report which of them it found.
const CONFLICT: &str =
    "The username is taken, or the change would demote or suspend yourself or the last administrator.";

/// Detail of the rejection of one's own password: a stolen session must not become the account.
const OWN_PASSWORD: &str = "Change your own password at /auth/password, which asks for the current one.";

/// Fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// New name to sign in with.
    username: Option<Username>,
    /// New role.
    role: Option<Role>,
    /// `suspended` prevents sign-in.
    status: Option<Status>,
    /// New password of another user: 12 to 256 characters, not a common password.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

impl Changes for UserChange {
    fn changed(&self) -> Vec<&'static str> {
        let given = [
            ("username", self.username.is_some()),
            ("role", self.role.is_some()),
            ("status", self.status.is_some()),
            ("password", self.password.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
    params: Params,
    Patch(change): Patch<UserChange>,
) -> Result<ApiResponse, Problem> {
    let keep_tokens = keeps_tokens(&params)?;
    let changed = change.changed();
    let actor = request.user()?.sub;
    if change.password.is_some() && id == actor {
        return Err(Problem::new(Code::Forbidden, OWN_PASSWORD));
    }
    change.role.map_or(Ok(()), |role| check_role(&request, role))?;
    let username = change.username.as_ref().map(Username::as_str);
    let username_key = change.username.as_ref().map(Username::key);
    let (role, status) = (change.role.map(Role::name), change.status.map(Status::name));
    let password_hash = match change.password {
        None => None,
        Some(password) => {
            let names = OwnerNames::read(&app, &request, Some(id)).await?;
            Some(passwords::hash(&app, "password", password, names.owner(username)).await?)
        }
    };
    let new_password = password_hash.is_some();
    let update = UPDATE
        .bind(&id)
        .bind(&request.if_match.0)
        .bind(&actor)
        .bind(&username)
        .bind(&role)
        .bind(&status)
        .bind(&new_password)
        .bind(&request.now)
        .bind(&keep_tokens)
        .bind(&username_key);
    let set_password = password_hash.as_ref().map(|hash| SET_PASSWORD.bind(&id).bind(hash));
    let rows = request
        .transaction(&app)
        .target("user_id", id.0)
        .changes(changed)
        .first(LOCK.bind(&id))
        .each(std::iter::once(update).chain(set_password).collect())
        .await
        .map_err(|problem| problem.explain(Code::Conflict, || CONFLICT.to_owned()))?;
    let updated = rows.first().map(|rows| rows_of::<User>(rows)).transpose()?;
    let user = updated.and_then(|mut users| users.pop()).ok_or_else(Problem::internal)?;
    Ok(ApiResponse::ok(&user)?.version(user.version))
}
