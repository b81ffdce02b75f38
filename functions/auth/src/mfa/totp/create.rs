//! `POST /auth/mfa/totp`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::identity::totp::{TotpSecret, recovery_codes, recovery_hash};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

use super::conflict;
use super::sealed::SealedTotp;

pub(crate) static ROUTE: Route = Route::post("/auth/mfa/totp", "mfa.enrol")
    .access(Access::User)
    .enrols()
    .summary("Create a TOTP secret for an authenticator app, and recovery codes; a first code confirms it.")
    .returns::<Enrolment>()
    .rejects(&[Code::Conflict]);

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

const SELECT_USER: Sql = Sql::prepared("SELECT username FROM users WHERE id = $1 AND tenant_id = current_tenant()");

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

const DELETE_RECOVERY_CODES: Sql =
    Sql::prepared("DELETE FROM recovery_codes WHERE user_id = $1 AND tenant_id = current_tenant()");

const INSERT_RECOVERY_CODES: Sql = Sql::prepared(
    "INSERT INTO recovery_codes (user_id, tenant_id, hash)
    SELECT u.id, u.tenant_id, unnest($2::bytea[]) FROM users u WHERE u.id = $1 AND u.tenant_id = current_tenant()",
);

/// The result of [`SELECT_USER`].
#[derive(FromRow)]
struct TotpUser {
    username: String,
}

pub(crate) async fn handle(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let user = request.user()?.sub;
    let TotpUser { username } = request.transaction(&app).look_up().one(SELECT_USER.bind(&user)).await?;
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
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let stored = transaction.execute(vec![put_secret, delete_codes, insert_codes]).await;
    stored.map_err(|problem| conflict(problem, "TOTP is already set up; disable it first."))?;
    Ok(response)
}

/// Builds the URL that authenticator apps read (the key URI format), with every part escaped.
fn otpauth_url(issuer: &str, username: &str, secret: &str) -> String {
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, username) = (escape(issuer), escape(username));
    format!("otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}
