//! `POST /auth/login`. A wrong tenant, user or password get the same answer after the same work.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{DbError, FromRow, Statement};
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::password;
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::identity::signer::ActiveKey;
use holdfast_shared::identity::totp::{TotpSecret, recovery_hash};
use holdfast_shared::permission::Role;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::vault::WrappedKey;
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::mfa::totp::codes::SealedTotp;
use crate::sign_in::grant::{Grant, SESSION_LIFETIME, Tokens, active_key};
use crate::sign_in::throttle::Keys;

pub(crate) static LOGIN: Route = Route::post("/auth/login", "auth.login")
    .access(Access::Anyone)
    .summary("Signs in with a password and begins a session.")
    .body::<LoginRequest>()
    .returns::<Tokens>()
    .rejects(&[Code::InvalidCredentials, Code::MfaRequired, Code::RateLimited]);

/// Longer texts than these are no tenant, username or password of ours.
const MAX_NAME: usize = 128;
const MAX_PASSWORD: usize = 256;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The tenant's slug; none for an operator.
    #[schema(max_length = 128)]
    tenant: Option<String>,
    /// The username; its case does not matter.
    #[schema(max_length = 128)]
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    password: SecretString,
    /// A one-time code, where the user has set them up.
    #[schema(max_length = 128)]
    otp: Option<String>,
}

impl LoginRequest {
    fn check(&self) -> Result<(), Problem> {
        let named = [
            ("tenant", self.tenant.as_deref()),
            ("username", Some(self.username.as_str())),
            ("otp", self.otp.as_deref()),
        ];
        if let Some((field, _)) =
            named.into_iter().find(|(_, text)| text.is_some_and(|text| text.chars().count() > MAX_NAME))
        {
            return Err(Problem::field(field, "must be at most 128 characters"));
        }
        if self.password.expose_secret().chars().count() > MAX_PASSWORD {
            return Err(Problem::field("password", "must be at most 256 characters"));
        }
        Ok(())
    }
}

const LOOK_UP: &str = "SELECT tenant_id, user_id, role, password_hash, retry_after, totp,
        key_version, key_provider AS provider, key_provider_key AS provider_key, key_wrapped AS wrapped FROM login_lookup($1, $2, $3, $4, $5, $6, $7)";
const FAILED: &str = "SELECT login_failed($1, $2, $3, $4)";
const SUCCEEDED: &str =
    "SELECT kid, provider_key FROM login_succeeded($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

struct Candidate {
    tenant: Option<TenantId>,
    user: Option<UserId>,
    role: Option<String>,
    password_hash: Option<String>,
    retry_after: Option<i32>,
    totp: Option<SealedTotp>,
}

impl Candidate {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (tenant, user) = (row.try_get(0)?, row.try_get(1)?);
        let totp = row.try_get(5)?;
        let totp = Option::zip(totp, WrappedKey::if_any(row)?).zip(Option::zip(tenant, user));
        Ok(Self {
            tenant,
            user,
            role: row.try_get(2)?,
            password_hash: row.try_get(3)?,
            retry_after: row.try_get(4)?,
            totp: totp.map(|((bytes, key), (tenant, user))| SealedTotp::new(tenant, user, bytes, key)),
        })
    }

    async fn find(app: &App, request: &RequestContext, body: &LoginRequest, keys: &Keys) -> Result<Self, DbError> {
        let look_up = Statement::prepared(LOOK_UP).bind(&body.tenant).bind(&body.username).bind(&request.source_ip);
        let look_up = look_up.bind(&request.now).bind(&keys.user).bind(&keys.pair).bind(&keys.address);
        let rows = app.db.query(&look_up).await?;
        rows.first().map_or(Err(DbError::Lost), |row| Self::from_row(row).map_err(DbError::Unexpected))
    }
}

pub(crate) async fn login(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<LoginRequest>,
) -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&sign_in(&app, &request, body).await?)
}

/// Checks the password between two flights: one that finds the user, one that opens the session or counts the failure.
pub(crate) async fn sign_in(app: &App, request: &RequestContext, body: LoginRequest) -> Result<Tokens, Problem> {
    body.check()?;
    let keys = Keys::of(body.tenant.as_deref(), &body.username, request.source_ip.as_deref());
    let found = Candidate::find(app, request, &body, &keys).await?;
    let transaction = request.transaction(app).concerns(found.tenant, found.user);
    if let Some(seconds) = found.retry_after {
        return Err(transaction.refuse(Problem::rate_limited(seconds.unsigned_abs())).await);
    }

    let matches = password::verify(body.password, found.password_hash.clone()).await;
    let role: Option<Role> = found.role.as_deref().and_then(|role| role.parse().ok());
    let proof = match (matches, &found.totp, &body.otp) {
        (true, Some(_), None) => {
            let missing = Problem::new(Code::MfaRequired, "Send a code from the authenticator app as otp.");
            return Err(transaction.refuse(missing).await);
        }
        (true, Some(totp), Some(otp)) => Proof::of(&totp.open(app).await?, otp, request.now),
        (true, None, _) => Some(Proof::default()),
        (false, ..) => None,
    };
    let (Some(proof), Some(tenant), Some(user), Some(role)) = (proof, found.tenant, found.user, role) else {
        let failed = Statement::new(FAILED).bind(&request.now).bind(&keys.user).bind(&keys.pair).bind(&keys.address);
        transaction.execute(vec![failed]).await?;
        return Err(Problem::of(Code::InvalidCredentials));
    };

    let session = SessionId(app.rng.uuid(request.now));
    let session_ends = request.now + SESSION_LIFETIME;
    let refresh = RefreshToken::random(&*app.rng);
    let hash = refresh.hash();
    let needs_mfa = app.config.mfa_roles.contains(&role);
    let succeeded =
        Statement::prepared(SUCCEEDED).bind(&request.now).bind(&user).bind(&found.password_hash).bind(&session);
    let succeeded = succeeded.bind(&session_ends).bind(&hash).bind(&request.source_ip).bind(&request.user_agent);
    let succeeded = succeeded.bind(&keys.pair).bind(&proof.step).bind(&proof.recovery).bind(&needs_mfa);
    let Opened(key) = transaction.target("session_id", session.0).one(succeeded).await?;
    Grant { user, session, tenant, role, session_ends, key }.tokens(app, request.now, &refresh).await
}

/// What proves possession of the authenticator app: the step of a code, or a recovery code. That neither was used before
/// is for the database to say.
#[derive(Default)]
struct Proof {
    step: Option<i64>,
    recovery: Option<Vec<u8>>,
}

impl Proof {
    fn of(secret: &TotpSecret, otp: &str, now: Timestamp) -> Option<Self> {
        let (step, recovery) = (secret.step_of(otp, now), recovery_hash(otp));
        (step.is_some() || recovery.is_some()).then_some(Self { step, recovery })
    }
}

/// A session was opened, and this key signs its tokens.
struct Opened(Option<ActiveKey>);

impl FromRow for Opened {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        active_key(row, 0).map(Self)
    }
}
