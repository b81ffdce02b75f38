//! `/auth/mfa/totp`: setting up one-time codes, proving that they work, and taking them away.

use axum::extract::State;
use axum::response::NoContent;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::app::App;
use shared::db::Statement;
use shared::http::{Answer, Call, FromRow, Json};
use shared::id::UserId;
use shared::identity::totp::{TotpSecret, recovery_codes, recovery_hash};
use shared::problem::{Code, Problem};
use shared::route::{Access, Route};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::codes::{Codes, SealedTotp};

pub(crate) static ENROL: Route = Route::post("/auth/mfa/totp", "mfa.enrol")
    .access(Access::User)
    .enrols()
    .summary("Gives a new secret for an authenticator app, and recovery codes; a first code confirms it.")
    .answers::<Enrolment>()
    .refuses(&[Code::Conflict]);

pub(crate) static CONFIRM: Route = Route::post("/auth/mfa/totp/confirm", "mfa.confirm")
    .access(Access::User)
    .enrols()
    .summary("Confirms the secret with a first code; from then on every sign-in asks for one.")
    .takes::<CodeRequest>()
    .answers_nothing()
    .refuses(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

pub(crate) static REMOVE: Route = Route::delete("/auth/mfa/totp", "mfa.remove")
    .access(Access::User)
    .unconditional()
    .summary("Takes one-time codes away, with a last code.")
    .takes::<CodeRequest>()
    .refuses(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

const NAME: &str = "SELECT username FROM users WHERE id = $1 AND tenant_id = current_tenant() AND proceeding()";

/// A secret that was never confirmed is replaced; one in use is not.
const STORE: &str = "WITH stored AS (
        INSERT INTO totp_secrets AS t (user_id, tenant_id, sealed, key_version, created_at)
        SELECT $1, current_tenant(), $2, $3, $4 WHERE proceeding()
        ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, key_version = excluded.key_version,
            created_at = excluded.created_at, last_step = 0 WHERE t.confirmed_at IS NULL
        RETURNING user_id)
    SELECT verdict(CASE WHEN NOT EXISTS (SELECT FROM stored) THEN 'conflict' END)";
const FORGET_CODES: &str =
    "DELETE FROM recovery_codes WHERE user_id = $1 AND tenant_id = current_tenant() AND proceeding()";
const STORE_CODES: &str = "INSERT INTO recovery_codes (user_id, tenant_id, hash)
    SELECT $1, current_tenant(), unnest($2::bytea[]) WHERE proceeding()";

/// The step is used up, so that the code that confirmed does not sign in as well.
const CONFIRMED: &str = "WITH confirmed AS (
        UPDATE totp_secrets SET confirmed_at = $3, last_step = $2
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NULL AND last_step < $2 AND proceeding()
        RETURNING user_id
    ), freed AS (
        UPDATE sessions SET mfa_pending = false
         WHERE user_id = $1 AND tenant_id = current_tenant() AND mfa_pending AND EXISTS (SELECT FROM confirmed)
    )
    SELECT verdict(CASE WHEN NOT EXISTS (SELECT FROM confirmed) THEN 'conflict' END)";

const USE: &str =
    "SELECT CASE WHEN proceeding() AND NOT use_otp($1, $2, $3, $4) THEN verdict('invalid_credentials') END";

/// Where the role needs codes, the user's sessions may then only set them up anew.
const REMOVED: &str = "WITH removed AS (
        DELETE FROM totp_secrets
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NOT NULL AND proceeding() RETURNING user_id
    ), held AS (
        UPDATE sessions SET mfa_pending = true
         WHERE user_id = $1 AND tenant_id = current_tenant() AND ended_at IS NULL AND $2 AND EXISTS (SELECT FROM removed)
    )
    SELECT verdict(CASE WHEN NOT EXISTS (SELECT FROM removed) THEN 'conflict' END)";

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

pub(crate) async fn enrol(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let user = call.user()?.sub;
    let Named(username) = call.transaction(&app).look_up().one(Statement::new(NAME).bind(&user)).await?;
    let secret = TotpSecret::random(&*app.entropy);
    let sealed = SealedTotp::seal(&app, call.user()?.home(), user, &secret).await?;
    let codes = recovery_codes(&*app.entropy);
    let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| recovery_hash(code)).collect();
    let base32 = secret.base32();
    let answer = Answer::ok(&Enrolment {
        secret: base32.to_string(),
        otpauth_url: otpauth_url(&app.config.issuer, &username, &base32),
        recovery_codes: codes,
    })?;
    let store = Statement::new(STORE).bind(&user).bind(&sealed.bytes).bind(&sealed.key_version).bind(&call.now);
    let forget = Statement::new(FORGET_CODES).bind(&user);
    let keep = Statement::new(STORE_CODES).bind(&user).bind(&hashes);
    let transaction = call.transaction(&app).target("user_id", user.0).changes(["totp"]);
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
    call: Call,
    Json(request): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let user = call.user()?.sub;
    let codes = Codes::of(&app, &call, user).await?;
    let transaction = call.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let Some(secret) = codes.unconfirmed(&app).await? else {
        return Err(transaction.refuse(Problem::new(Code::Conflict, "There is no secret to confirm.")).await);
    };
    let Some(step) = secret.step_of(request.code.expose_secret(), call.now) else {
        return Err(codes.failed(transaction).await);
    };
    let confirmed = Statement::new(CONFIRMED).bind(&user).bind(&step).bind(&call.now);
    transaction.execute(vec![confirmed]).await?;
    Ok(NoContent)
}

pub(crate) async fn remove(
    State(app): State<App>,
    call: Call,
    Json(request): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let claims = call.user()?;
    let user: UserId = claims.sub;
    let codes = Codes::of(&app, &call, user).await?;
    let transaction = call.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let Some(secret) = codes.confirmed(&app).await? else {
        return Err(transaction.refuse(Problem::new(Code::Conflict, "No one-time codes are set up.")).await);
    };
    let code = request.code.expose_secret();
    let (step, recovery) = (secret.step_of(code, call.now), recovery_hash(code));
    if step.is_none() && recovery.is_none() {
        return Err(codes.failed(transaction).await);
    }
    let needed = app.config.mfa_roles.contains(&claims.role);
    let fresh = Statement::new(USE).bind(&user).bind(&step).bind(&recovery).bind(&call.now);
    let removed = Statement::new(REMOVED).bind(&user).bind(&needed);
    transaction.execute(vec![fresh, removed]).await?;
    Ok(NoContent)
}
