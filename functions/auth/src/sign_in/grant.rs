//! What a sign-in and a refresh answer: a new access token, and the refresh token that gets the next one.

use holdfast_shared::app::App;
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::identity::signer::ActiveKey;
use holdfast_shared::identity::token::{ACCESS_TOKEN_SECONDS, Claims};
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

/// How long a session lasts, however often it is refreshed: then the password is asked for again.
pub(crate) const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Tokens of a session (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// A JWT (RFC 9068) for the `Authorization` header.
    pub(crate) access_token: String,
    /// Always `Bearer`.
    pub(crate) token_type: &'static str,
    /// Seconds that the access token is good for.
    pub(crate) expires_in: i64,
    /// Gets the next tokens, once.
    pub(crate) refresh_token: String,
    /// Seconds until the session ends for good.
    pub(crate) refresh_expires_in: i64,
}

/// Whom tokens are for.
pub(crate) struct Grant {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) session_ends: Timestamp,
    /// The key that signs, as the database says; none under HS256.
    pub(crate) key: Option<ActiveKey>,
}

impl Grant {
    /// Signs the access token and gives both.
    pub(crate) async fn tokens(self, app: &App, now: Timestamp, refresh: &RefreshToken) -> Result<Tokens, Problem> {
        let left = self.session_ends.as_second() - now.as_second();
        let expires_in = ACCESS_TOKEN_SECONDS.min(left);
        let claims = Claims {
            iss: app.config.issuer.clone(),
            aud: app.config.audience.clone(),
            sub: self.user,
            sid: self.session,
            role: self.role,
            tenant: self.tenant.public(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + expires_in,
            jti: app.rng.uuid(now),
        };
        let signer = app.signer.as_ref().ok_or_else(|| {
            tracing::error!("this function has no key to sign access tokens with");
            Problem::internal()
        })?;
        let access_token = signer.sign(&claims, self.key.as_ref()).await.map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Problem::unavailable()
        })?;
        Ok(Tokens {
            access_token,
            token_type: "Bearer",
            expires_in,
            refresh_token: refresh.reveal(),
            refresh_expires_in: left,
        })
    }
}

/// The active key from a row's `kid` and `provider_key`.
pub(crate) fn active_key(row: &Row, kid: usize) -> Result<Option<ActiveKey>, tokio_postgres::Error> {
    let (kid, provider_key): (Option<String>, Option<String>) = (row.try_get(kid)?, row.try_get(kid + 1)?);
    Ok(kid.map(|kid| ActiveKey { kid, provider_key }))
}
