//! `/auth/mfa/totp`: setting up one-time codes, proving that they work, and taking them away.

pub(crate) mod codes;

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::UserId;
use holdfast_shared::identity::totp::{TotpSecret, recovery_codes, recovery_hash};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::mfa::totp::codes::{Codes, SealedTotp};

pub(crate) static ENROL: Route = Route::post("/auth/mfa/totp", "mfa.enrol")
    .access(Access::User)
    .enrols()
    .summary("Gives a new secret for an authenticator app, and recovery codes; a first code confirms it.")
    .returns::<Enrolment>()
    .rejects(&[Code::Conflict]);

pub(crate) static CONFIRM: Route = Route::post("/auth/mfa/totp/confirm", "mfa.confirm")
    .access(Access::User)
    .enrols()
    .summary("Confirms the secret with a first code; from then on every sign-in asks for one.")
    .body::<CodeRequest>()
    .returns_nothing()
    .rejects(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

pub(crate) static REMOVE: Route = Route::delete("/auth/mfa/totp", "mfa.remove")
    .access(Access::User)
    .unconditional()
    .summary("Takes one-time codes away, with a last code.")
    .body::<CodeRequest>()
    .rejects(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

const NAME: &str = "SELECT username FROM users WHERE id = $1 AND tenant_id = current_tenant() AND request_allowed()";

/// A secret that was never confirmed is replaced; one in use is not.
const STORE: &str = "WITH stored AS (
        INSERT INTO totp_secrets AS t (user_id, tenant_id, sealed, key_version, created_at)
        SELECT $1, current_tenant(), $2, $3, $4 WHERE request_allowed()
        ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, key_version = excluded.key_version,
            created_at = excluded.created_at, last_step = 0 WHERE t.confirmed_at IS NULL
        RETURNING user_id)
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM stored) THEN 'conflict' END)";
const FORGET_CODES: &str =
    "DELETE FROM recovery_codes WHERE user_id = $1 AND tenant_id = current_tenant() AND request_allowed()";
const STORE_CODES: &str = "INSERT INTO recovery_codes (user_id, tenant_id, hash)
    SELECT $1, current_tenant(), unnest($2::bytea[]) WHERE request_allowed()";

/// The step is used up, so that the code that confirmed does not sign in as well.
const CONFIRMED: &str = "WITH confirmed AS (
        UPDATE totp_secrets SET confirmed_at = $3, last_step = $2
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NULL AND last_step < $2 AND request_allowed()
        RETURNING user_id
    ), freed AS (
        UPDATE sessions SET mfa_pending = false
         WHERE user_id = $1 AND tenant_id = current_tenant() AND mfa_pending AND EXISTS (SELECT FROM confirmed)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM confirmed) THEN 'conflict' END)";

const USE: &str =
    "SELECT CASE WHEN request_allowed() AND NOT use_otp($1, $2, $3, $4) THEN reject('invalid_credentials') END";

/// Where the role needs codes, the user's sessions may then only set them up anew.
const REMOVED: &str = "WITH removed AS (
        DELETE FROM totp_secrets
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NOT NULL AND request_allowed() RETURNING user_id
    ), held AS (
        UPDATE sessions SET mfa_pending = true
         WHERE user_id = $1 AND tenant_id = current_tenant() AND ended_at IS NULL AND $2 AND EXISTS (SELECT FROM removed)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM removed) THEN 'conflict' END)";

/// A secret to enter into an app.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// The secret in base 32, to be typed.
    secret: String,
    /// The same as a URL, to be shown as a QR code.
    otpauth_url: String,
    /// Codes that work once each, for the day the app is lost. Shown here only.
    recovery_codes: Vec<String>,
}

/// A code from the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// Six digits; to take codes away, a recovery code will do.
    #[schema(value_type = String, max_length = 64)]
    code: SecretString,
}

struct Named(String);

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get(0).map(Self)
    }
}

pub(crate) async fn enrol(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let user = request.user()?.sub;
    let Named(username) = request.transaction(&app).look_up().one(Statement::new(NAME).bind(&user)).await?;
    let secret = TotpSecret::random(&*app.rng);
    let sealed = SealedTotp::seal(&app, request.user()?.home(), user, &secret).await?;
    let codes = recovery_codes(&*app.rng);
    let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| recovery_hash(code)).collect();
    let base32 = secret.base32();
    let answer = ApiResponse::ok(&Enrolment {
        secret: base32.to_string(),
        otpauth_url: otpauth_url(&app.config.issuer, &username, &base32),
        recovery_codes: codes,
    })?;
    let store = Statement::new(STORE).bind(&user).bind(&sealed.bytes).bind(&sealed.key_version).bind(&request.now);
    let forget = Statement::new(FORGET_CODES).bind(&user);
    let keep = Statement::new(STORE_CODES).bind(&user).bind(&hashes);
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    transaction.execute(vec![store, forget, keep]).await?;
    Ok(answer)
}

/// The URL that authenticator apps read (the key URI format), everything in it escaped.
fn otpauth_url(issuer: &str, username: &str, secret: &str) -> String {
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, username) = (escape(issuer), escape(username));
    format!("otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

pub(crate) async fn confirm(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let user = request.user()?.sub;
    let codes = Codes::of(&app, &request, user).await?;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let Some(secret) = codes.unconfirmed(&app).await? else {
        return Err(transaction.refuse(Problem::new(Code::Conflict, "There is no secret to confirm.")).await);
    };
    let Some(step) = secret.step_of(body.code.expose_secret(), request.now) else {
        return Err(codes.failed(transaction).await);
    };
    let confirmed = Statement::new(CONFIRMED).bind(&user).bind(&step).bind(&request.now);
    transaction.execute(vec![confirmed]).await?;
    Ok(NoContent)
}

pub(crate) async fn remove(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let claims = request.user()?;
    let user: UserId = claims.sub;
    let codes = Codes::of(&app, &request, user).await?;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let Some(secret) = codes.confirmed(&app).await? else {
        return Err(transaction.refuse(Problem::new(Code::Conflict, "No one-time codes are set up.")).await);
    };
    let code = body.code.expose_secret();
    let (step, recovery) = (secret.step_of(code, request.now), recovery_hash(code));
    if step.is_none() && recovery.is_none() {
        return Err(codes.failed(transaction).await);
    }
    let needed = app.config.mfa_roles.contains(&claims.role);
    let fresh = Statement::new(USE).bind(&user).bind(&step).bind(&recovery).bind(&request.now);
    let removed = Statement::new(REMOVED).bind(&user).bind(&needed);
    transaction.execute(vec![fresh, removed]).await?;
    Ok(NoContent)
}
