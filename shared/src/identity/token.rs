//! Access tokens: JWTs by RFC 9068, checked by RFC 8725 without any I/O. What is wrong with a token is never said:
//! every bad one gets the same answer.

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

/// Seconds that an access token is good for.
pub const ACCESS_TOKEN_SECONDS: i64 = 15 * 60;

/// Seconds that two machines' clocks may differ.
pub(super) const LEEWAY_SECONDS: i64 = 60;

/// No token of ours is longer.
const MAX_BYTES: usize = 4096;

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The deployment that issued it.
    pub iss: String,
    /// Whom it is for.
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
    /// Not valid before.
    pub nbf: i64,
    /// Not valid from then on.
    pub exp: i64,
    /// The token's own id.
    pub jti: Uuid,
}

impl Claims {
    /// The tenant that the user belongs to.
    pub fn home(&self) -> TenantId {
        self.tenant.unwrap_or(TenantId::PLATFORM)
    }
}

/// The whole header of our tokens. Any other member (`jku`, `jwk`, `x5u`, `crit` ...) makes a token invalid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: Option<&'a str>,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not a valid token of ours.
    #[error("the token is not valid")]
    Invalid,
    /// It names a key that is not known here; it may have been made since the keys were loaded.
    #[error("the token names an unknown key")]
    UnknownKey,
}

/// Checks a token's form, key, signature, issuer, audience and time.
pub fn verify(token: &str, keys: &KeyRing, config: &Config, now: Timestamp) -> Result<Claims, Rejection> {
    if token.len() > MAX_BYTES {
        return Err(Rejection::Invalid);
    }
    let (algorithm, key) = key_for(token, keys, now)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // Time is checked below, by the clock of this process's choice.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| Rejection::Invalid)?.claims;
    let now = now.as_second();
    let in_time =
        claims.exp > now - LEEWAY_SECONDS && claims.nbf <= now + LEEWAY_SECONDS && claims.iat <= now + LEEWAY_SECONDS;
    if in_time && claims.tenant.is_none() == (claims.role == Role::Operator) {
        Ok(claims)
    } else {
        Err(Rejection::Invalid)
    }
}

/// The header decides only which of our keys is tried, and the key decides the algorithm.
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
            keys.signing(kid, now).map(|key| (Algorithm::ES256, key)).ok_or(Rejection::UnknownKey)
        }
        _ => Err(Rejection::Invalid),
    }
}
