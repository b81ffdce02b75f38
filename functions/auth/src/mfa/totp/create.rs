//! `POST /auth/mfa/totp`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::identity::password;
use holdfast_shared::identity::totp::{TotpSecret, recovery_codes, recovery_hash};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::conflict;
use super::sealed::SealedTotp;
use crate::mfa::recovery_codes::{DELETE_RECOVERY_CODES, INSERT_RECOVERY_CODES};
use crate::sign_in::attempts::OwnAttempt;

pub(crate) static ROUTE: Route = Route::post("/auth/mfa/totp", "mfa.enrol")
    .access(Access::User)
    .enrols()
    .summary("Create a TOTP secret for an authenticator app, and recovery codes; a first code confirms it.")
    .body::<NewTotp>()
    .returns::<Enrolment>()
    .rejects(&[Code::Conflict, Code::InvalidCredentials, Code::RateLimited]);

/// A secret to enter into an authenticator app.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// Secret in base32, to be typed.
    secret: String,
    /// Secret as a URL, to be shown as a QR code.
    otpauth_url: String,
    /// Codes that work once each, in case the app is lost. Returned only here.
    recovery_codes: Vec<String>,
}

/// The caller's password. A stolen session must not lock its owner out by an authenticator app of its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTotp {
    /// Password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    password: SecretString,
}

const SELECT_USER: Sql = Sql::prepared(
    "SELECT username, password_hash, take_own_attempt($2) AS retry_after
      FROM users WHERE id = $1 AND tenant_id = current_tenant()",
);

/// A secret that was never confirmed is replaced; a confirmed one is not.
const PUT_SECRET: Sql = Sql::prepared(
    "WITH stored AS (
        INSERT INTO totp_secrets AS t (user_id, tenant_id, sealed, key_version, created_at)
        SELECT u.id, u.tenant_id, $2, $3, $4 FROM users u WHERE u.id = $1 AND u.tenant_id = current_tenant()
        ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, key_version = excluded.key_version,
            created_at = excluded.created_at, last_step = 0 WHERE t.confirmed_at IS NULL
        RETURNING user_id)
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM stored) THEN 'conflict' END)",
);

/// The result of [`SELECT_USER`].
#[derive(FromRow)]
struct TotpUser {
    username: String,
    password_hash: String,
    retry_after: Option<i32>,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<NewTotp>,
) -> Result<ApiResponse, Problem> {
    let user = request.user()?.sub;
    let select = SELECT_USER.bind(&user).bind(&request.now);
    let TotpUser { username, password_hash, retry_after } = request.transaction(&app).look_up().one(select).await?;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let attempt = OwnAttempt::taken(retry_after, transaction, &request.now).await?;
    if !password::verify(body.password, Some(password_hash)).await {
        return Err(attempt.fail().await);
    }
    let secret = TotpSecret::random(&*app.rng);
    let sealed = SealedTotp::seal(&app, request.user()?.home(), user, &secret).await?;
    let codes = recovery_codes(&*app.rng);
    let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| recovery_hash(code)).collect();
    let base32 = secret.base32();
    let response = ApiResponse::ok(&Enrolment {
        secret: base32.to_string(),
        otpauth_url: otpauth_url(&app.config.issuer, &username, &base32),
        recovery_codes: codes,
    })?;
    let put_secret = PUT_SECRET.bind(&user).bind(&sealed.bytes).bind(&sealed.key_version).bind(&request.now);
    let delete_codes = DELETE_RECOVERY_CODES.bind(&user);
    let insert_codes = INSERT_RECOVERY_CODES.bind(&user).bind(&hashes);
    let stored = attempt.succeed().execute(vec![put_secret, delete_codes, insert_codes]).await;
    stored.map_err(|problem| conflict(problem, "TOTP is already set up; disable it first."))?;
    Ok(response)
}

/// Builds the URL that authenticator apps read (the key URI format), with every part escaped.
fn otpauth_url(issuer: &str, username: &str, secret: &str) -> String {
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, username) = (escape(issuer), escape(username));
    format!("otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}
