//! The public keys of audit seals, as in a JWKS, and the verification of a seal's signature.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seal::{self, TYPE};
use super::{Hash, Seal};
use crate::identity::es256::{self, PublicKey};

/// Public key of audit seals, as it stands in the JWKS (RFC 7517).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditJwk)]
pub struct AuditKey {
    /// Always `EC`.
    pub kty: String,
    /// Always `P-256`.
    pub crv: String,
    /// Always `ES256`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// RFC 7638 thumbprint of the key.
    pub kid: String,
    /// x of the public point, base64url.
    pub x: String,
    /// y of the public point, base64url.
    pub y: String,
}

impl AuditKey {
    /// Creates the entry of the JWKS for a key.
    pub fn new(public: PublicKey) -> Self {
        let text = str::to_owned;
        let kid = public.thumbprint();
        let PublicKey { x, y } = public;
        Self { kty: text("EC"), crv: text("P-256"), alg: text("ES256"), usage: text("sig"), kid, x, y }
    }
}

/// A seal that is not genuine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeal {
    /// It is not a compact JWS of a seal.
    #[error("it is not the JWS of a seal")]
    Form,
    /// It names a key that is not pinned, or not known.
    #[error("it was signed with the key {0}, which is not one of the pinned keys")]
    UnknownKey(String),
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
    /// A newer build created it.
    #[error("this build does not know its format")]
    Format,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// A key set (RFC 7517).
#[derive(Deserialize)]
pub(super) struct Jwks {
    pub(super) keys: Vec<PublicKey>,
}

/// Public keys that seals are verified with.
#[derive(Debug, Clone, Default)]
pub struct AuditKeys(BTreeMap<String, PublicKey>);

impl AuditKeys {
    /// Trusts these keys. Each is known by its thumbprint, regardless of its `kid`.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.thumbprint(), key)).collect())
    }

    /// Trusts one more key.
    #[must_use]
    pub fn and(mut self, key: PublicKey) -> Self {
        self.0.insert(key.thumbprint(), key);
        self
    }

    /// Reads the keys of a JWKS.
    pub fn from_jwks(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::new(serde_json::from_str::<Jwks>(text)?.keys))
    }

    /// Computes the digest of the seal in a JWS without verifying it, to compare it with one that was verified; none where it
    /// is not a JWS.
    pub fn digest(jws: &str) -> Option<Hash> {
        let payload = jws.split('.').nth(1)?;
        BASE64URL_NOPAD.decode(payload.as_bytes()).ok().map(|payload| seal::hash_of(&payload))
    }

    /// Verifies a JWS and returns its seal, with the digest of the seal.
    pub fn open(&self, jws: &str) -> Result<(Seal, Hash), InvalidSeal> {
        let (message, signature) = jws.rsplit_once('.').ok_or(InvalidSeal::Form)?;
        let (header, payload) = message.split_once('.').ok_or(InvalidSeal::Form)?;
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidSeal::Form);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header = serde_json::from_slice(&header).map_err(|_| InvalidSeal::Form)?;
        if header.alg != "ES256" || header.typ != TYPE {
            return Err(InvalidSeal::Form);
        }
        let key = self.0.get(&header.kid).ok_or(InvalidSeal::UnknownKey(header.kid))?;
        if !es256::verify(key, message.as_bytes(), &signature) {
            return Err(InvalidSeal::Signature);
        }
        let seal: Seal = serde_json::from_slice(&payload).map_err(|_| InvalidSeal::Format)?;
        if !seal.is_known() {
            return Err(InvalidSeal::Format);
        }
        Ok((seal, seal::hash_of(&payload)))
    }
}
