//! The result of a sign-in and of a refresh: a new access token, and the refresh token for the next one.

use holdfast_shared::app::App;
use holdfast_shared::config::Config;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::{SessionId, TenantId, UserId};
use holdfast_shared::identity::refresh::RefreshToken;
use holdfast_shared::identity::signer::ActiveKey;
use holdfast_shared::identity::token::{ACCESS_TOKEN_SECONDS, Claims};
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::certificates;

/// Lifetime of a session, regardless of refreshes: after it, the user has to sign in again (NIST SP 800-63B, section 4.2.3,
/// asks for 12 hours and 30 minutes without use).
pub(crate) fn session_lifetime(config: &Config, role: Role) -> SignedDuration {
    match role {
        Role::Operator => SignedDuration::from_hours(config.operator_session_hours.into()),
        Role::Viewer | Role::Editor | Role::Admin => SignedDuration::from_hours(24 * i64::from(config.session_days)),
    }
}

/// Tokens of a session (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// A JWT (RFC 9068) for the `Authorization` header.
    pub(crate) access_token: String,
    /// Always `Bearer`.
    pub(crate) token_type: &'static str,
    /// Seconds until the access token expires.
    pub(crate) expires_in: i64,
    /// Token for `POST /auth/refresh`; works once.
    pub(crate) refresh_token: String,
    /// Seconds until the session expires, regardless of refreshes.
    pub(crate) refresh_expires_in: i64,
}

/// An access token without a refresh token: the session goes on with the one that it has.
#[derive(Serialize, ToSchema)]
pub(crate) struct BearerToken {
    /// A JWT (RFC 9068) for the `Authorization` header.
    pub(crate) access_token: String,
    /// Always `Bearer`.
    pub(crate) token_type: &'static str,
    /// Seconds until the access token expires.
    pub(crate) expires_in: i64,
}

/// The claims of a session's tokens.
pub(crate) struct Grant {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) session_ends: Timestamp,
    /// Time of the last authentication.
    pub(crate) authenticated: Timestamp,
    /// The active signing key, as the database names it; none under HS256.
    pub(crate) key: Option<ActiveKey>,
}

impl Grant {
    /// Signs the access token and returns it with the refresh token.
    pub(crate) async fn tokens(self, app: &App, now: Timestamp, refresh: &RefreshToken) -> Result<Tokens, Problem> {
        let refresh_expires_in = self.session_ends.as_second() - now.as_second();
        let BearerToken { access_token, token_type, expires_in } = self.access_token(app, now).await?;
        Ok(Tokens { access_token, token_type, expires_in, refresh_token: refresh.reveal(), refresh_expires_in })
    }

    /// Signs the access token.
    pub(crate) async fn access_token(self, app: &App, now: Timestamp) -> Result<BearerToken, Problem> {
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
            auth_time: self.authenticated.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + expires_in,
            jti: app.rng.uuid(now),
        };
        let signer = app.signer.as_ref().ok_or_else(|| {
            tracing::error!("this function has no key to sign access tokens with");
            Problem::internal()
        })?;
        if let Some(key) = &self.key {
            certificates::ensure(app, key, now).await?;
        }
        let access_token = signer.sign(&claims, self.key.as_ref()).await.map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Problem::unavailable()
        })?;
        Ok(BearerToken { access_token, token_type: "Bearer", expires_in })
    }
}

/// The columns of the active signing key; null under HS256.
#[derive(FromRow)]
pub(crate) struct SigningKeyRow {
    kid: Option<String>,
    provider_key: Option<String>,
}

impl SigningKeyRow {
    pub(crate) fn active(self) -> Option<ActiveKey> {
        self.kid.map(|kid| ActiveKey { kid, provider_key: self.provider_key })
    }
}
