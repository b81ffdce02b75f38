//! `POST /auth/password`: a new password for the one who knows the old one. It ends the user's other sessions.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::identity::password::{self, Owner};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Json, RequestContext};
use secrecy::SecretString;
use serde::Deserialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::sign_in::throttle::Keys;

pub(crate) static CHANGE: Route = Route::post("/auth/password", "auth.password")
    .access(Access::User)
    .summary("Changes one's password and ends one's other sessions.")
    .body::<PasswordChange>()
    .returns_nothing()
    .rejects(&[Code::InvalidCredentials, Code::RateLimited]);

/// Who the user is, and how long to wait where passwords were guessed at. A stolen session must not guess faster than a
/// stranger at the door.
const SELECT: &str = "SELECT u.username, u.password_hash, t.slug, t.name, sign_in_wait($2, $3, $4, $5, true)
      FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE u.id = $1 AND u.tenant_id = current_tenant() AND request_allowed()";

const FAILED: &str = "SELECT login_failed($1, $2, $3, $4)";

const UPDATE: &str = "WITH changed AS (
        UPDATE users SET password_hash = $3, version = version + 1, updated_at = $4
         WHERE id = $1 AND tenant_id = current_tenant() AND password_hash = $2 AND request_allowed() RETURNING id
    ), ended AS (
        UPDATE sessions SET ended_at = $4, end_reason = 'password'
         WHERE user_id = $1 AND tenant_id = current_tenant() AND id <> $5 AND ended_at IS NULL AND EXISTS (SELECT FROM changed)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM changed) THEN 'invalid_credentials' END)";

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password as it is.
    #[schema(value_type = String, format = Password, max_length = 256)]
    current_password: SecretString,
    /// The password as it shall be: 12 to 256 characters, none of the common ones.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    new_password: SecretString,
}

struct Stored {
    username: String,
    password_hash: String,
    slug: String,
    tenant: String,
    retry_after: Option<i32>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            username: row.try_get(0)?,
            password_hash: row.try_get(1)?,
            slug: row.try_get(2)?,
            tenant: row.try_get(3)?,
            retry_after: row.try_get(4)?,
        })
    }
}

/// Checks the old password between two flights, as a login does.
pub(crate) async fn change(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<PasswordChange>,
) -> Result<NoContent, Problem> {
    let claims = request.user()?;
    let keys = Keys::of_codes(claims.sub, request.source_ip.as_deref());
    let select = Statement::new(SELECT).bind(&claims.sub).bind(&request.now);
    let select = select.bind(&keys.user).bind(&keys.pair).bind(&keys.address);
    let stored: Stored = request.transaction(&app).look_up().one(select).await?;
    let transaction = request.transaction(&app).target("user_id", claims.sub.0).changes(["password"]);
    if let Some(seconds) = stored.retry_after {
        return Err(transaction.refuse(Problem::rate_limited(seconds.unsigned_abs())).await);
    }
    let owner = Owner { username: &stored.username, slug: &stored.slug, tenant: &stored.tenant };
    password::check("new_password", &body.new_password, owner)?;
    if !password::verify(body.current_password, Some(stored.password_hash.clone())).await {
        let failed = Statement::new(FAILED).bind(&request.now).bind(&keys.user).bind(&keys.pair);
        transaction.execute(vec![failed.bind(&keys.address)]).await?;
        return Err(Problem::of(Code::InvalidCredentials));
    }
    let new_hash = password::hash_blocking(body.new_password, app.rng.clone()).await?;
    let update = Statement::new(UPDATE).bind(&claims.sub).bind(&stored.password_hash).bind(&new_hash);
    transaction.execute(vec![update.bind(&request.now).bind(&claims.sid)]).await?;
    Ok(NoContent)
}
