//! Access tokens: JWTs as in RFC 9068, verified as in RFC 8725 without any I/O. The fault of a token is never disclosed: every
//! invalid one gets the same response.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::KeyRing;
use crate::config::Config;
use crate::id::{SessionId, TenantId, UserId};
use crate::permission::Role;

/// Lifetime of an access token in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 15 * 60;

/// Seconds for which an authentication is recent (RFC 9470): as long as it takes to do what it was for.
pub const RECENT_SECONDS: i64 = 300;

/// Seconds by which the clocks of two machines may differ.
pub(super) const LEEWAY_SECONDS: i64 = 60;

/// Maximum length of a token. Holdfast issues none that is longer.
const MAX_BYTES: usize = 4096;

/// Claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The deployment that issued it.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The role, checked against the stored one in each request's transaction.
    pub role: Role,
    /// The tenant; absent for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Time at which the user last gave a password, and a code where one is required; refreshing keeps it.
    pub auth_time: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Expires at; not valid from then on.
    pub exp: i64,
    /// Id of the token.
    pub jti: Uuid,
}

impl Claims {
    /// Returns the tenant that the user belongs to.
    pub fn home(&self) -> TenantId {
        self.tenant.unwrap_or(TenantId::PLATFORM)
    }

    /// Returns whether the user authenticated in the last [`RECENT_SECONDS`].
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.as_second() - self.auth_time <= RECENT_SECONDS
    }
}

/// The complete header of a token. Any other member (`jku`, `jwk`, `x5u`, `crit` ...) makes a token invalid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: Option<&'a str>,
}

/// Reason for which a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not a valid token of this deployment.
    #[error("the token is not valid")]
    Invalid,
    /// It names an unknown key, which may have been created since the keys were loaded.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// It names a key that is stored, and of which no certificate is known here: it gets one before its first token.
    #[error("the token names a key without a certificate")]
    Uncertified,
}

/// Verifies a token: its form, key, signature, issuer, audience and time.
pub fn verify(token: &str, keys: &KeyRing, config: &Config, now: Timestamp) -> Result<Claims, Rejection> {
    if token.len() > MAX_BYTES {
        return Err(Rejection::Invalid);
    }
    let (algorithm, key) = key_for(token, keys, now)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // The time is checked below, against `now` and not the clock of the system.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| Rejection::Invalid)?.claims;
    let now = now.as_second();
    let in_time =
        claims.exp > now - LEEWAY_SECONDS && claims.nbf <= now + LEEWAY_SECONDS && claims.iat <= now + LEEWAY_SECONDS;
    // No token of ours lives longer: one that does was made elsewhere, with a key that leaked or is shared.
    let short = claims.exp.saturating_sub(claims.iat) <= ACCESS_TOKEN_SECONDS;
    if in_time && short && claims.tenant.is_none() == (claims.role == Role::Operator) {
        Ok(claims)
    } else {
        Err(Rejection::Invalid)
    }
}

/// Returns the key that the header names. The key decides the algorithm; the header does not.
fn key_for(token: &str, keys: &KeyRing, now: Timestamp) -> Result<(Algorithm, DecodingKey), Rejection> {
    let encoded = token.split('.').next().unwrap_or_default();
    let decoded = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Rejection::Invalid)?;
    let header: Header<'_> = serde_json::from_slice(&decoded).map_err(|_| Rejection::Invalid)?;
    if header.typ != "at+jwt" {
        return Err(Rejection::Invalid);
    }
    match (keys.shared_secret(), header.alg, header.kid) {
        (Some(secret), "HS256", None) => Ok((Algorithm::HS256, secret.clone())),
        (None, "ES256", Some(kid)) => {
            let uncertified = || keys.lacks_certificate(kid, now);
            let unknown = || if uncertified() { Rejection::Uncertified } else { Rejection::UnknownKey };
            keys.signing(kid, now).map(|key| (Algorithm::ES256, key)).ok_or_else(unknown)
        }
        _ => Err(Rejection::Invalid),
    }
}
