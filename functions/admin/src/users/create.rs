//! `POST /admin/users`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::Username;
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OwnerNames, User, acting_tenant, check_role};
use crate::passwords::FirstPassword;

pub(crate) static ROUTE: Route = Route::post("/admin/users", "user.create")
    .access(Access::Admin(Permission::UsersWrite))
    .recent()
    .in_tenant()
    .creates()
    .summary("Create a user. If no password is given, one is generated and shown in this response only.")
    .body::<NewUser>()
    .returns::<CreatedUser>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

/// Reserves quota only if the name is free. `ON CONFLICT` settles the race for the name without an error; the loser
/// releases its reservation.
const INSERT: Sql = Sql::prepared(
    "WITH reservation AS MATERIALIZED (
        SELECT CASE WHEN NOT EXISTS (
                        SELECT FROM users WHERE tenant_id = current_tenant() AND username_key = $7)
                    THEN reserve_quota('users') END AS reserved
    ), created AS (
        INSERT INTO users (id, tenant_id, username, username_key, role, status, password_hash, created_at, updated_at)
        SELECT $1, current_tenant(), $2, $7, $3, $4, $5, $6, $6 FROM reservation WHERE reserved
        ON CONFLICT (tenant_id, username_key) DO NOTHING RETURNING id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM created) THEN NULL
                WHEN reserved THEN coalesce(release_quota('users'), reject('conflict'))
                ELSE reject('conflict') END FROM reservation",
);

/// A user to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Name to sign in with, unique in the tenant regardless of case.
    username: Username,
    /// Role of the user: `viewer`, `editor` or `admin` in a tenant, `operator` on the platform.
    role: Role,
    /// `suspended` prevents sign-in. Default `active`.
    status: Option<Status>,
    /// 12 to 256 characters, not a common password. Generated if absent.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    password: Option<SecretString>,
}

/// A user that was just created.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedUser<'a> {
    /// The user.
    #[serde(flatten)]
    user: User,
    /// The generated password, if none was given: shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

impl NewUser {
    /// The names of the fields that are given, for the audit row.
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("username", true),
            ("role", true),
            ("status", self.status.is_some()),
            ("password", self.password.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<NewUser>,
) -> Result<ApiResponse, Problem> {
    check_role(&request, body.role)?;
    let fields = body.fields();
    let password = match body.password {
        None => FirstPassword::generate(&app).await?,
        Some(chosen) => {
            let names = OwnerNames::read(&app, &request, None).await?;
            FirstPassword::chosen(&app, "password", chosen, names.owner(Some(body.username.as_str()))).await?
        }
    };
    let user = User {
        id: UserId(app.rng.uuid(request.now)),
        tenant_id: acting_tenant(&request)?.public(),
        username: body.username.as_str().to_owned(),
        role: body.role.name().to_owned(),
        status: body.status.unwrap_or(Status::Active).name().to_owned(),
        mfa: false,
        version: 1,
        created_at: Time(request.now),
        updated_at: Time(request.now),
    };
    let created = CreatedUser { user, password: password.shown() };
    let user = &created.user;
    let response = ApiResponse::created(&format!("/admin/users/{}", user.id), &created)?.version(user.version);
    let response = if created.password.is_some() { response.secret() } else { response };
    let username_key = body.username.key();
    let insert = INSERT
        .bind(&user.id)
        .bind(&user.username)
        .bind(&user.role)
        .bind(&user.status)
        .bind(&password.hash)
        .bind(&request.now)
        .bind(&username_key);
    request.transaction(&app).target("user_id", user.id.0).changes(fields).respond(insert, response).await.map_err(
        |problem| problem.explain(Code::Conflict, || format!("A user named {} already exists.", user.username)),
    )
}
