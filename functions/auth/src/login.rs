//! `POST /auth/login`. A wrong tenant, user or password gets the same answer after the same work.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{DbError, FromRow, Row, RowError, Sql};
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::password;
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::permission::Role;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::vault::WrappedKey;
use holdfast_shared::web::{ApiResponse, Json, RequestContext};

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::mfa::totp::sealed::SealedTotp;
use crate::sign_in::attempts::SignInKeys;
use crate::sign_in::grant::{Grant, SigningKeyRow, Tokens, session_lifetime};
use crate::sign_in::otp_proof::OtpProof;

pub(crate) static ROUTE: Route = Route::post("/auth/login", "auth.login")
    .access(Access::Anyone)
    .summary("Sign in with a password and start a session.")
    .body::<LoginRequest>()
    .returns::<Tokens>()
    .rejects(&[Code::InvalidCredentials, Code::MfaRequired, Code::RateLimited]);

/// Maximum length of a tenant, a username and a one-time code.
const MAX_NAME: usize = 128;

/// Credentials to sign in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// Slug of the tenant; absent for an operator.
    #[schema(max_length = 128)]
    tenant: Option<String>,
    /// Username, in upper or lower case.
    #[schema(max_length = 128)]
    username: String,
    /// Password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    password: SecretString,
    /// One-time code or recovery code, for a user with TOTP; spaces do not count.
    #[schema(max_length = 128)]
    otp: Option<String>,
}

impl LoginRequest {
    fn check(&self) -> Result<(), Problem> {
        let names = [
            ("tenant", self.tenant.as_deref()),
            ("username", Some(self.username.as_str())),
            ("otp", self.otp.as_deref()),
        ];
        let too_long = |text: &str| text.chars().count() > MAX_NAME;
        if let Some((field, _)) = names.into_iter().find(|(_, text)| text.is_some_and(too_long)) {
            return Err(Problem::field(field, "must be at most 128 characters"));
        }
        if password::is_too_long(&self.password) {
            return Err(Problem::field("password", "must be at most 256 characters"));
        }
        Ok(())
    }
}

const LOOK_UP: Sql = Sql::prepared(
    "SELECT tenant_id, user_id, role, password_hash, retry_after, totp,
        key_version, key_provider AS provider, key_provider_key AS provider_key, key_wrapped AS wrapped
      FROM look_up_sign_in(
        p_slug => $1,
        p_username_key => $2,
        p_now => $3,
        p_address_key => $4,
        p_user_key => $5,
        p_pair_key => $6)",
);

const SUCCEEDED: Sql = Sql::prepared(
    "SELECT kid, provider_key FROM complete_sign_in(
        p_now => $1,
        p_user => $2,
        p_password_hash => $3,
        p_session => $4,
        p_expires_at => $5,
        p_refresh_hash => $6,
        p_source_ip => $7,
        p_user_agent => $8,
        p_address_key => $9,
        p_user_key => $10,
        p_pair_key => $11,
        p_otp_step => $12,
        p_recovery_hash => $13,
        p_needs_mfa => $14)",
);

/// The result of [`LOOK_UP`]: the given user, as far as it exists.
struct LoginCandidate {
    tenant: Option<TenantId>,
    user: Option<UserId>,
    role: Option<String>,
    password_hash: Option<String>,
    retry_after: Option<i32>,
    totp: Option<SealedTotp>,
}

impl FromRow for LoginCandidate {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let (tenant, user) = (row.try_get("tenant_id")?, row.try_get("user_id")?);
        let totp =
            Option::zip(row.try_get("totp")?, Option::<WrappedKey>::from_row(row)?).zip(Option::zip(tenant, user));
        Ok(Self {
            tenant,
            user,
            role: row.try_get("role")?,
            password_hash: row.try_get("password_hash")?,
            retry_after: row.try_get("retry_after")?,
            totp: totp.map(|((bytes, key), (tenant, user))| SealedTotp::new(tenant, user, bytes, key)),
        })
    }
}

impl LoginCandidate {
    async fn find(
        app: &App,
        request: &RequestContext,
        body: &LoginRequest,
        keys: &SignInKeys,
    ) -> Result<Self, DbError> {
        let look_up = LOOK_UP
            .bind(&body.tenant)
            .bind(&keys.username_key)
            .bind(&request.now)
            .bind(&keys.address)
            .bind(&keys.user)
            .bind(&keys.pair);
        let rows = app.db.query(&look_up).await?;
        rows.first().map_or(Err(DbError::Lost), |row| Self::from_row(row).map_err(DbError::Unexpected))
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<LoginRequest>,
) -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&sign_in(&app, &request, body).await?)
}

/// Checks the password between two round trips: one that counts the attempt and finds the user, one that opens the session or
/// rejects.
pub(crate) async fn sign_in(app: &App, request: &RequestContext, body: LoginRequest) -> Result<Tokens, Problem> {
    body.check()?;
    let keys = SignInKeys::new(body.tenant.as_deref(), &body.username, request.source_ip.as_deref());
    let candidate = LoginCandidate::find(app, request, &body, &keys).await?;
    let transaction = request.transaction(app).subject(candidate.tenant, candidate.user);
    if let Some(seconds) = candidate.retry_after {
        return Err(transaction.reject(Problem::rate_limited(seconds.unsigned_abs())).await);
    }

    let matches = password::verify(body.password, candidate.password_hash.clone()).await;
    let role: Option<Role> = candidate.role.as_deref().and_then(|role| role.parse().ok());
    let proof = match (matches, &candidate.totp, &body.otp) {
        (true, Some(totp), None) => {
            let missing = Problem::new(Code::MfaRequired, "Send a code from the authenticator app as otp.");
            let give_back = keys.give_back(&totp.tenant, &totp.user, &request.now);
            return Err(transaction.first(give_back).reject(missing).await);
        }
        (true, Some(totp), Some(otp)) => OtpProof::check(&totp.open(app).await?, otp, request.now),
        (true, None, _) => Some(OtpProof::default()),
        (false, ..) => None,
    };
    let (Some(proof), Some(tenant), Some(user), Some(role)) = (proof, candidate.tenant, candidate.user, role) else {
        return Err(transaction.reject(Problem::of(Code::InvalidCredentials)).await);
    };

    let session = SessionId(app.rng.uuid(request.now));
    let session_ends = request.now + session_lifetime(&app.config, role);
    let refresh = RefreshToken::random(&*app.rng);
    let hash = refresh.hash();
    let needs_mfa = app.config.mfa_roles.contains(&role);
    let succeeded = SUCCEEDED
        .bind(&request.now)
        .bind(&user)
        .bind(&candidate.password_hash)
        .bind(&session)
        .bind(&session_ends)
        .bind(&hash)
        .bind(&request.source_ip)
        .bind(&request.user_agent)
        .bind(&keys.address)
        .bind(&keys.user)
        .bind(&keys.pair)
        .bind(&proof.step)
        .bind(&proof.recovery)
        .bind(&needs_mfa);
    let key: SigningKeyRow = transaction.target("session_id", session.0).one(succeeded).await?;
    let authenticated = request.now;
    let grant = Grant { user, session, tenant, role, session_ends, authenticated, key: key.active() };
    grant.tokens(app, request.now, &refresh).await
}
