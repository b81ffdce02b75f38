//! `/admin/users`: the users of a tenant, or the platform's operators, and new ones.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Statement;
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::password::Owner;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Username;
use holdfast_shared::web::{ApiResponse, CURSOR, Json, LIMIT, List, Page, Params, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::update::{User, columns};
use crate::passwords::FirstPassword;

pub(crate) static LIST: Route = Route::get("/admin/users", "user.list")
    .access(Access::Admin(Permission::UsersRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Lists the users of the tenant, else the operators of the platform, the oldest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Only users whose name begins so, whatever the case."),
        QueryParameter::new(
            "role",
            ParameterKind::OneOf(&["viewer", "editor", "admin", "operator"]),
            "Only users of this role.",
        ),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` users.",
        ),
    ])
    .returns::<List<User>>();

pub(crate) static CREATE: Route = Route::post("/admin/users", "user.create")
    .access(Access::Admin(Permission::UsersWrite))
    .in_tenant()
    .creates()
    .summary("Makes a user. Without a password one is made, shown here and never again.")
    .body::<NewUser>()
    .returns::<MadeUser>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM users u WHERE u.tenant_id = current_tenant() AND request_allowed()
        AND ($1::uuid IS NULL OR u.id > $1) AND ($2::text IS NULL OR starts_with(lower(u.username), lower($2)))
        AND ($3::text IS NULL OR u.role = $3) AND ($4::text IS NULL OR u.status = $4)
      ORDER BY u.id LIMIT $5"
);

/// Of the quota is taken only where the name is free. `ON CONFLICT` decides without a race and without an error who gets
/// the name; who loses it gives back what was taken.
const INSERT: &str = "WITH room AS MATERIALIZED (
        SELECT CASE WHEN request_allowed() AND NOT EXISTS (
                        SELECT FROM users WHERE tenant_id = current_tenant() AND lower(username) = lower($2))
                    THEN reserve_quota('users') END AS taken
    ), made AS (
        INSERT INTO users (id, tenant_id, username, role, status, password_hash, created_at, updated_at)
        SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $6 FROM room WHERE taken
        ON CONFLICT (tenant_id, lower(username)) DO NOTHING RETURNING id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM made) THEN NULL
                WHEN taken THEN coalesce(release_quota('users'), reject('conflict'))
                ELSE reject('conflict') END FROM room";

/// What a new user is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The name to sign in with, unique in the tenant whatever its case.
    username: Username,
    /// What the user may do: `viewer`, `editor` or `admin` in a tenant, `operator` on the platform.
    role: Role,
    /// Whether the user may sign in; `active` unless told.
    status: Option<Status>,
    /// 12 to 256 characters, none of the common ones; one is made where this is left out.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

/// A user just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeUser<'a> {
    /// The user.
    #[serde(flatten)]
    user: User,
    /// The password, where none was given: shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

/// Operators belong to the platform, and only they do.
pub(crate) fn check_role(request: &RequestContext, role: Role) -> Result<(), Problem> {
    match (role, acting_in(request)?.public()) {
        (Role::Operator, Some(_)) => Err(Problem::field("role", "must be viewer, editor or admin")),
        (Role::Viewer | Role::Editor | Role::Admin, None) => Err(Problem::field("role", "must be operator")),
        _ => Ok(()),
    }
}

fn acting_in(request: &RequestContext) -> Result<TenantId, Problem> {
    request.tenant().ok_or_else(Problem::unauthenticated)
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let role = params.parse::<Role>("role", "must be viewer, editor, admin or operator")?.map(Role::name);
    let status = params.parse::<Status>("status", "must be active or suspended")?.map(Status::name);
    let (after, prefix, rows) = (page.position::<UserId>(0)?, params.text("q"), page.rows());
    let select = Statement::new(SELECT).bind(&after).bind(&prefix).bind(&role).bind(&status).bind(&rows);
    let users: Vec<User> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(users, |last| vec![last.id.to_string()]))
}

pub(crate) async fn create(
    State(app): State<App>,
    request: RequestContext,
    Json(new): Json<NewUser>,
) -> Result<ApiResponse, Problem> {
    check_role(&request, new.role)?;
    let mut fields = vec!["username", "role"];
    fields.extend(new.status.map(|_| "status"));
    fields.extend(new.password.as_ref().map(|_| "password"));
    let owner = Owner { username: new.username.as_str(), slug: "", tenant: "" };
    let password = FirstPassword::choose(&app, "password", new.password, owner).await?;
    let user = User {
        id: UserId(app.rng.uuid(request.now)),
        tenant_id: acting_in(&request)?.public(),
        username: new.username.as_str().to_owned(),
        role: new.role.name().to_owned(),
        status: new.status.unwrap_or(Status::Active).name().to_owned(),
        mfa: false,
        version: 1,
        created_at: Time(request.now),
        updated_at: Time(request.now),
    };
    let made = MadeUser { user, password: password.shown() };
    let answer = ApiResponse::created(&format!("/admin/users/{}", made.user.id), &made)?.version(made.user.version);
    let answer = if made.password.is_some() { answer.secret() } else { answer };
    let user = &made.user;
    let insert = Statement::new(INSERT).bind(&user.id).bind(&user.username).bind(&user.role).bind(&user.status);
    let insert = insert.bind(&password.hash).bind(&request.now);
    request.transaction(&app).target("user_id", user.id.0).changes(fields).answer(insert, answer).await
}
