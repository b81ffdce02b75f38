//! `POST /auth/refresh`. A refresh token works once; a second use ends the session, except within a short grace period.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::grant::{Grant, SigningKeyRow, Tokens};

pub(crate) static ROUTE: Route = Route::post("/auth/refresh", "auth.refresh")
    .access(Access::Anyone)
    .summary("Exchange a refresh token for new tokens.")
    .body::<RefreshRequest>()
    .returns::<Tokens>()
    .rejects(&[Code::Unauthenticated]);

/// The token to exchange.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// Refresh token of the last sign-in or refresh.
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

const ROTATE: Sql = Sql::prepared(
    "SELECT tenant_id, user_id, session_id, role, expires_at, authenticated_at, seed, kid, provider_key
      FROM refresh_session($1, $2, $3, $4, $5)",
);

/// The result of [`ROTATE`].
#[derive(FromRow)]
struct RotatedSession {
    tenant_id: TenantId,
    user_id: UserId,
    session_id: SessionId,
    role: String,
    expires_at: Timestamp,
    authenticated_at: Timestamp,
    seed: Vec<u8>,
    #[row(flatten)]
    key: SigningKeyRow,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<RefreshRequest>,
) -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&exchange(&app, &request, body.refresh_token.expose_secret()).await?)
}

/// Rotates the token in the session's own transaction. Its successor is derived from the token and the seed stored there.
pub(crate) async fn exchange(app: &App, request: &RequestContext, token: &str) -> Result<Tokens, Problem> {
    let transaction = request.transaction(app);
    let Some(token) = RefreshToken::parse(token) else {
        return Err(transaction.reject(Problem::unauthenticated().reason("invalid_refresh_token")).await);
    };
    let seed = app.rng.bytes::<32>().to_vec();
    let (hash, successor_hash) = (token.hash(), token.successor(&seed).hash());
    let rotate = ROTATE.bind(&hash).bind(&seed).bind(&successor_hash).bind(&request.now);
    let idle_minutes = i32::from(app.config.operator_idle_minutes);
    let rotate = rotate.bind(&idle_minutes);
    let rotated: RotatedSession = transaction.one(rotate).await?;
    let grant = Grant {
        user: rotated.user_id,
        session: rotated.session_id,
        tenant: rotated.tenant_id,
        role: rotated.role.parse().map_err(|_| Problem::internal())?,
        session_ends: rotated.expires_at,
        authenticated: rotated.authenticated_at,
        key: rotated.key.active(),
    };
    grant.tokens(app, request.now, &token.successor(&rotated.seed)).await
}
