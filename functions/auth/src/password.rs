//! `POST /auth/password`: changes the password of a user who knows the current one, and ends the user's other sessions.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::identity::password::{self, PasswordOwner};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Json, RequestContext};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::attempts::OwnAttempt;

pub(crate) static ROUTE: Route = Route::post("/auth/password", "auth.password")
    .access(Access::User)
    .summary("Change the caller's password and end the caller's other sessions.")
    .body::<PasswordChange>()
    .returns_nothing()
    .rejects(&[Code::InvalidCredentials, Code::RateLimited]);

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// Current password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    current_password: SecretString,
    /// New password: 12 to 256 characters, not a common one.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    new_password: SecretString,
}

/// The user, whose attempt is counted first, and the seconds to wait after wrong passwords.
const SELECT: Sql = Sql::prepared(
    "SELECT u.username, u.password_hash, t.slug, t.name AS tenant, take_own_attempt($2) AS retry_after
      FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1 AND u.tenant_id = current_tenant()",
);

const UPDATE: Sql = Sql::prepared(
    "WITH changed AS (
        UPDATE users SET password_hash = $3, version = version + 1, updated_at = $4
         WHERE id = $1 AND tenant_id = current_tenant() AND password_hash = $2 RETURNING id
    ), ended AS (
        UPDATE sessions SET ended_at = $4, end_reason = 'password'
         WHERE user_id = $1 AND tenant_id = current_tenant() AND id <> $5 AND ended_at IS NULL AND EXISTS (SELECT FROM changed)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM changed) THEN 'invalid_credentials' END)",
);

/// The result of [`SELECT`].
#[derive(FromRow)]
struct PasswordUser {
    username: String,
    password_hash: String,
    slug: String,
    tenant: String,
    retry_after: Option<i32>,
}

/// Checks the current password between two round trips, as a login does.
pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<PasswordChange>,
) -> Result<NoContent, Problem> {
    let claims = request.user()?;
    let select = SELECT.bind(&claims.sub).bind(&request.now);
    let user: PasswordUser = request.transaction(&app).look_up().one(select).await?;
    let transaction = request.transaction(&app).target("user_id", claims.sub.0).changes(["password"]);
    let attempt = OwnAttempt::taken(user.retry_after, transaction, &request.now).await?;
    if !password::verify(body.current_password, Some(user.password_hash.clone())).await {
        return Err(attempt.fail().await);
    }
    let owner = PasswordOwner { username: &user.username, slug: &user.slug, tenant: &user.tenant };
    if let Err(problem) = password::check("new_password", &body.new_password, owner) {
        return Err(attempt.give_back(problem).await);
    }
    let new_hash = password::hash_blocking(body.new_password, app.rng.clone()).await?;
    let update =
        UPDATE.bind(&claims.sub).bind(&user.password_hash).bind(&new_hash).bind(&request.now).bind(&claims.sid);
    attempt.succeed().execute(vec![update]).await?;
    Ok(NoContent)
}
