//! `POST /auth/refresh`. Each refresh token works once; a second use, but for a short grace, ends the session.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::identity::signer::ActiveKey;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::sign_in::grant::{Grant, Tokens, active_key};

pub(crate) static REFRESH: Route = Route::post("/auth/refresh", "auth.refresh")
    .access(Access::Anyone)
    .summary("Exchanges a refresh token for new tokens.")
    .body::<RefreshRequest>()
    .returns::<Tokens>()
    .rejects(&[Code::Unauthenticated]);

/// The token to exchange.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// As it came with the last answer.
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

const ROTATE: &str = "SELECT tenant_id, user_id, session_id, role, expires_at, seed, kid, provider_key FROM refresh_session($1, $2, $3, $4)";

struct Rotated {
    tenant: TenantId,
    user: UserId,
    session: SessionId,
    role: String,
    session_ends: Timestamp,
    seed: Vec<u8>,
    key: Option<ActiveKey>,
}

impl FromRow for Rotated {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            tenant: row.try_get(0)?,
            user: row.try_get(1)?,
            session: row.try_get(2)?,
            role: row.try_get(3)?,
            session_ends: row.try_get(4)?,
            seed: row.try_get(5)?,
            key: active_key(row, 6)?,
        })
    }
}

pub(crate) async fn refresh(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<RefreshRequest>,
) -> Result<ApiResponse, Problem> {
    ApiResponse::ok(&exchange(&app, &request, body.refresh_token.expose_secret()).await?)
}

/// Rotates the token in the session's own transaction; the successor follows from the token and the seed kept there.
pub(crate) async fn exchange(app: &App, request: &RequestContext, token: &str) -> Result<Tokens, Problem> {
    let transaction = request.transaction(app);
    let Some(token) = RefreshToken::parse(token) else {
        return Err(transaction.refuse(Problem::unauthenticated().because("invalid_refresh_token")).await);
    };
    let seed = app.rng.bytes::<32>().to_vec();
    let (hash, successor_hash) = (token.hash(), token.successor(&seed).hash());
    let rotate = Statement::prepared(ROTATE).bind(&hash).bind(&seed).bind(&successor_hash).bind(&request.now);
    let rotated: Rotated = transaction.one(rotate).await?;
    let role = rotated.role.parse().map_err(|_| Problem::internal())?;
    let Rotated { tenant, user, session, session_ends, seed, key, .. } = rotated;
    let grant = Grant { user, session, tenant, role, session_ends, key };
    grant.tokens(app, request.now, &token.successor(&seed)).await
}
