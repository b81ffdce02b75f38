//! `POST /auth/step-up`: a recent authentication for a session that has begun (RFC 9470), which dangerous routes ask for.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Row, RowError, Sql};
use holdfast_shared::identity::password;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::vault::WrappedKey;
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::mfa::totp::USE_CODE;
use crate::mfa::totp::sealed::SealedTotp;
use crate::sign_in::attempts::OwnAttempt;
use crate::sign_in::grant::{BearerToken, Grant, SigningKeyRow};
use crate::sign_in::otp_proof::OtpProof;

pub(crate) static ROUTE: Route = Route::post("/auth/step-up", "auth.step_up")
    .access(Access::User)
    .summary("Authenticate again in the same session, for routes that need a recent authentication.")
    .body::<StepUp>()
    .returns::<BearerToken>()
    .rejects(&[Code::InvalidCredentials, Code::MfaRequired, Code::RateLimited]);

/// The caller's password, and a code where the caller has TOTP.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUp {
    /// Password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    password: SecretString,
    /// One-time code or recovery code, for a user with TOTP.
    #[schema(value_type = Option<String>, max_length = 128)]
    otp: Option<SecretString>,
}

const SELECT: Sql = Sql::prepared(
    "SELECT u.password_hash, s.sealed, k.version AS key_version, k.provider, k.provider_key, k.wrapped,
        take_own_attempt($2) AS retry_after
      FROM users u
      LEFT JOIN totp_secrets s ON s.user_id = u.id AND s.confirmed_at IS NOT NULL
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.purpose = 'totp' AND k.version = s.key_version
     WHERE u.id = $1 AND u.tenant_id = current_tenant()",
);

/// The password's hash is compared once more: it may have been replaced while the password was verified.
const STEP_UP: Sql = Sql::prepared(
    "WITH stepped AS (
        UPDATE sessions SET authenticated_at = $3
         WHERE id = $1 AND tenant_id = current_tenant()
           AND EXISTS (SELECT FROM users u WHERE u.id = sessions.user_id AND u.password_hash = $2)
        RETURNING expires_at
    )
    SELECT stepped.expires_at, k.kid, k.provider_key,
        reject(CASE WHEN stepped.expires_at IS NULL THEN 'invalid_credentials' END)
      FROM (VALUES (1)) AS request LEFT JOIN stepped ON true LEFT JOIN active_signing_key($3) k ON true",
);

/// The result of [`SELECT`].
struct StepUpUser {
    password_hash: String,
    sealed: Option<(Vec<u8>, WrappedKey)>,
    retry_after: Option<i32>,
}

impl FromRow for StepUpUser {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            password_hash: row.try_get("password_hash")?,
            sealed: Option::zip(row.try_get("sealed")?, Option::<WrappedKey>::from_row(row)?),
            retry_after: row.try_get("retry_after")?,
        })
    }
}

/// The result of [`STEP_UP`].
#[derive(FromRow)]
struct SteppedUp {
    expires_at: Timestamp,
    #[row(flatten)]
    key: SigningKeyRow,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<StepUp>,
) -> Result<ApiResponse, Problem> {
    let (claims, now) = (request.user()?, request.now);
    let user: StepUpUser = request.transaction(&app).look_up().one(SELECT.bind(&claims.sub).bind(&now)).await?;
    let transaction = request.transaction(&app).target("session_id", claims.sid.0);
    let attempt = OwnAttempt::taken(user.retry_after, transaction, &now).await?;
    if !password::verify(body.password, Some(user.password_hash.clone())).await {
        return Err(attempt.fail().await);
    }
    let totp = user.sealed.map(|(bytes, key)| SealedTotp::new(claims.home(), claims.sub, bytes, key));
    let proof = match (totp, body.otp) {
        (None, _) => None,
        (Some(_), None) => {
            let missing = Problem::new(Code::MfaRequired, "Send a code from the authenticator app as otp.");
            return Err(attempt.give_back(missing).await);
        }
        (Some(totp), Some(otp)) => match OtpProof::check(&totp.open(&app).await?, otp.expose_secret(), now) {
            Some(proof) => Some(proof),
            None => return Err(attempt.fail().await),
        },
    };
    let transaction = match &proof {
        Some(OtpProof { step, recovery }) => {
            attempt.succeed_by(USE_CODE.bind(&claims.sub).bind(step).bind(recovery).bind(&now))
        }
        None => attempt.succeed(),
    };
    let step_up = STEP_UP.bind(&claims.sid).bind(&user.password_hash).bind(&now);
    let SteppedUp { expires_at, key } = transaction.one(step_up).await?;
    let grant = Grant {
        user: claims.sub,
        session: claims.sid,
        tenant: claims.home(),
        role: claims.role,
        session_ends: expires_at,
        authenticated: now,
        key: key.active(),
    };
    ApiResponse::ok(&grant.access_token(&app, now).await?)
}
