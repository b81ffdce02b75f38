//! `/admin/users/{id}`: one user, from reading it to ending its sessions. Nobody takes their own role away or puts
//! themselves out, and nobody removes the last who can run the tenant or the platform.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::password::Owner;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Username;
use holdfast_shared::web::{ApiResponse, Id, Json, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::create as users;
use crate::passwords;

pub(crate) static READ: Route = Route::get("/admin/users/{id}", "user.read")
    .access(Access::Admin(Permission::UsersRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Reads a user.")
    .returns::<User>();

pub(crate) static CHANGE: Route = Route::patch("/admin/users/{id}", "user.update")
    .access(Access::Admin(Permission::UsersWrite))
    .in_tenant()
    .summary(
        "Changes the fields that are given. Another role or password, or being suspended, ends the user's sessions.",
    )
    .body::<UserChange>()
    .returns::<User>()
    .rejects(&[Code::Conflict]);

pub(crate) static DELETE: Route = Route::delete("/admin/users/{id}", "user.delete")
    .access(Access::Admin(Permission::UsersWrite))
    .in_tenant()
    .summary("Deletes a user for good; what the audit log tells of them stays.")
    .rejects(&[Code::Conflict]);

pub(crate) static REVOKE: Route = Route::post("/admin/users/{id}/revoke", "user.revoke")
    .access(Access::Admin(Permission::UsersWrite))
    .in_tenant()
    .summary("Ends all sessions of a user, at once.")
    .returns_nothing();

/// What [`User`] is read from, in the order of its fields.
macro_rules! columns {
    () => {
        "u.id, u.tenant_id, u.username, u.role, u.status,
         EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL),
         u.version, u.created_at, u.updated_at"
    };
}
pub(crate) use columns;

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN u.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN users u ON u.tenant_id = current_tenant() AND u.id = $1 AND request_allowed()"
);

/// Goes before every change, so that of two admins who remove each other the second sees what the first has done, and so
/// that a sign-in that is under way has either opened its session or finds the user changed.
const LOCK: &str = "SELECT FROM tenants t JOIN users u ON u.tenant_id = t.id
     WHERE t.id = current_tenant() AND u.id = $1 AND request_allowed() FOR NO KEY UPDATE";

const UPDATE: &str = concat!(
    "WITH target AS (
        SELECT id, version, role, status, coalesce($5, role) AS new_role, coalesce($6, status) AS new_status
          FROM users WHERE tenant_id = current_tenant() AND id = $1 AND request_allowed()
    ), judged AS (
        SELECT CASE WHEN t.id IS NULL THEN 'not_found'
                    WHEN t.version <> ALL ($2) THEN 'precondition_failed'
                    WHEN (t.new_role, t.new_status) <> (t.role, t.status) AND t.id = $3 THEN 'conflict'
                    WHEN (t.new_role, t.new_status) <> (t.role, t.status) AND is_last_admin(t.id) THEN 'conflict'
                    WHEN EXISTS (SELECT FROM users WHERE tenant_id = current_tenant() AND lower(username) = lower($4) AND id <> t.id)
                    THEN 'conflict' END AS objection
          FROM (VALUES (1)) AS request LEFT JOIN target t ON true
    ), u AS (
        UPDATE users SET username = coalesce($4, username), role = target.new_role, status = target.new_status,
            password_hash = coalesce($7, password_hash), version = users.version + 1, updated_at = $8
          FROM target, judged WHERE users.id = target.id AND judged.objection IS NULL
        RETURNING users.*
    ), ended AS (
        UPDATE sessions SET ended_at = $8, end_reason = CASE WHEN $7 IS NULL THEN 'revoked' ELSE 'password' END
          FROM target, u
         WHERE sessions.tenant_id = current_tenant() AND sessions.user_id = u.id AND sessions.ended_at IS NULL
           AND (u.role <> target.role OR u.status = 'suspended' OR $7 IS NOT NULL)
    )
    SELECT ", columns!(), ", reject(judged.objection) FROM judged LEFT JOIN u ON true"
);

const REMOVE: &str = "WITH target AS (
        SELECT id, version FROM users WHERE tenant_id = current_tenant() AND id = $1 AND request_allowed()
    ), judged AS (
        SELECT CASE WHEN t.id IS NULL THEN 'not_found'
                    WHEN t.version <> ALL ($2) THEN 'precondition_failed'
                    WHEN t.id = $3 OR is_last_admin(t.id) THEN 'conflict' END AS objection
          FROM (VALUES (1)) AS request LEFT JOIN target t ON true
    ), removed AS (
        DELETE FROM users USING target, judged WHERE users.id = target.id AND judged.objection IS NULL RETURNING users.id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM removed) THEN release_quota('users') ELSE reject(objection) END FROM judged";

const END_SESSIONS: &str = "WITH target AS (
        SELECT id FROM users WHERE tenant_id = current_tenant() AND id = $1 AND request_allowed()
    ), ended AS (
        UPDATE sessions SET ended_at = $2, end_reason = 'revoked' FROM target
         WHERE sessions.tenant_id = current_tenant() AND sessions.user_id = target.id AND sessions.ended_at IS NULL
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found' END)";

/// Someone who signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Its id.
    pub(crate) id: UserId,
    /// Whose user it is; null for an operator of the platform.
    pub(crate) tenant_id: Option<TenantId>,
    /// The name to sign in with.
    pub(crate) username: String,
    /// `viewer`, `editor`, `admin` or `operator`.
    pub(crate) role: String,
    /// `active` or `suspended`.
    pub(crate) status: String,
    /// Whether a sign-in needs a one-time code.
    pub(crate) mfa: bool,
    /// Counts changes; its `ETag`.
    pub(crate) version: i64,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When it last changed.
    pub(crate) updated_at: Time,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let tenant: TenantId = row.try_get(1)?;
        Ok(Self {
            id: row.try_get(0)?,
            tenant_id: tenant.public(),
            username: row.try_get(2)?,
            role: row.try_get(3)?,
            status: row.try_get(4)?,
            mfa: row.try_get(5)?,
            version: row.try_get(6)?,
            created_at: row.try_get(7)?,
            updated_at: row.try_get(8)?,
        })
    }
}

/// The fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// The new name to sign in with.
    username: Option<Username>,
    /// What the user may do from now on.
    role: Option<Role>,
    /// Whether the user may sign in.
    status: Option<Status>,
    /// The new password: 12 to 256 characters, none of the common ones.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

impl UserChange {
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("username", self.username.is_some()),
            ("role", self.role.is_some()),
            ("status", self.status.is_some()),
            ("password", self.password.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn read(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<ApiResponse, Problem> {
    let user: User = request.transaction(&app).target("user_id", id.0).one(Statement::new(SELECT).bind(&id)).await?;
    Ok(ApiResponse::ok(&user)?.version(user.version))
}

pub(crate) async fn change(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
    Json(change): Json<UserChange>,
) -> Result<ApiResponse, Problem> {
    let fields = change.fields();
    if fields.is_empty() {
        return Err(Problem::field("body", "must name at least one field to change"));
    }
    change.role.map_or(Ok(()), |role| users::check_role(&request, role))?;
    let username = change.username.as_ref().map(Username::as_str);
    let (role, status) = (change.role.map(Role::name), change.status.map(Status::name));
    let password_hash = match change.password {
        None => None,
        Some(password) => {
            let owner = Owner { username: username.unwrap_or_default(), slug: "", tenant: "" };
            Some(passwords::hash(&app, "password", password, owner).await?)
        }
    };
    let actor = request.user()?.sub;
    let update = Statement::new(UPDATE).bind(&id).bind(&request.if_match.0).bind(&actor).bind(&username);
    let update = update.bind(&role).bind(&status).bind(&password_hash).bind(&request.now);
    let transaction = request.transaction(&app).target("user_id", id.0).changes(fields);
    let user: User = transaction.first(Statement::new(LOCK).bind(&id)).one(update).await?;
    Ok(ApiResponse::ok(&user)?.version(user.version))
}

pub(crate) async fn delete(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<NoContent, Problem> {
    let actor = request.user()?.sub;
    let remove = Statement::new(REMOVE).bind(&id).bind(&request.if_match.0).bind(&actor);
    let transaction = request.transaction(&app).target("user_id", id.0);
    transaction.first(Statement::new(LOCK).bind(&id)).execute(vec![remove]).await?;
    Ok(NoContent)
}

pub(crate) async fn revoke(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<NoContent, Problem> {
    let end = Statement::new(END_SESSIONS).bind(&id).bind(&request.now);
    let transaction = request.transaction(&app).target("user_id", id.0);
    transaction.first(Statement::new(LOCK).bind(&id)).execute(vec![end]).await?;
    Ok(NoContent)
}
