//! `POST /auth/refresh`. Each refresh token works once; a second use, but for a short grace, ends the session.

use axum::extract::State;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::app::App;
use shared::db::Statement;
use shared::http::{Answer, Call, FromRow, Json};
use shared::id::{SessionId, TenantId, UserId};
use shared::identity::refresh::RefreshToken;
use shared::identity::signer::ActiveKey;
use shared::problem::{Code, Problem};
use shared::route::{Access, Route};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::grant::{Grant, Tokens, active_key};

pub(crate) static REFRESH: Route = Route::post("/auth/refresh", "auth.refresh")
    .access(Access::Anyone)
    .summary("Exchanges a refresh token for new tokens.")
    .takes::<RefreshRequest>()
    .answers::<Tokens>()
    .refuses(&[Code::Unauthenticated]);

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
    call: Call,
    Json(request): Json<RefreshRequest>,
) -> Result<Answer, Problem> {
    Answer::ok(&exchange(&app, &call, request.refresh_token.expose_secret()).await?)
}

/// Rotates the token in the session's own transaction; the successor follows from the token and the seed kept there.
pub(crate) async fn exchange(app: &App, call: &Call, token: &str) -> Result<Tokens, Problem> {
    let transaction = call.transaction(app);
    let Some(token) = RefreshToken::parse(token) else {
        return Err(transaction.refuse(Problem::unauthenticated().because("invalid_refresh_token")).await);
    };
    let seed = app.entropy.bytes::<32>().to_vec();
    let (hash, successor_hash) = (token.hash(), token.successor(&seed).hash());
    let rotate = Statement::prepared(ROTATE).bind(&hash).bind(&seed).bind(&successor_hash).bind(&call.now);
    let rotated: Rotated = transaction.one(rotate).await?;
    let role = rotated.role.parse().map_err(|_| Problem::internal())?;
    let Rotated { tenant, user, session, session_ends, seed, key, .. } = rotated;
    let grant = Grant { user, session, tenant, role, session_ends, key };
    grant.tokens(app, call.now, &token.successor(&seed)).await
}
