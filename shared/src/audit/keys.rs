//! The public keys of audit seals, as a JWKS has them, and the check of a seal's signature.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seal::{self, TYPE};
use super::{Hash, Seal};
use crate::identity::es256::{self, PublicKey};

/// A public key of audit seals as the JWKS shows it (RFC 7517).
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
    /// The key's RFC 7638 thumbprint.
    pub kid: String,
    /// The public point's x, base64url.
    pub x: String,
    /// The public point's y, base64url.
    pub y: String,
}

impl AuditKey {
    /// A key as the JWKS shows it.
    pub fn new(public: PublicKey) -> Self {
        let text = str::to_owned;
        let kid = public.thumbprint();
        let PublicKey { x, y } = public;
        Self { kty: text("EC"), crv: text("P-256"), alg: text("ES256"), usage: text("sig"), kid, x, y }
    }
}

/// A signature that does not make a seal believable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// It is no compact JWS of a seal.
    #[error("it is not the JWS of a seal")]
    Form,
    /// It names a key that is not among those given.
    #[error("it was signed with the key {0}, which is not in the key set")]
    UnknownKey(String),
    /// The signature is wrong.
    #[error("the signature does not fit it")]
    Signature,
    /// A newer build made it.
    #[error("it has a format that this build does not know")]
    Format,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// The public keys that seals are checked with.
#[derive(Debug, Clone, Default)]
pub struct AuditKeys(BTreeMap<String, PublicKey>);

impl AuditKeys {
    /// Keys that are trusted. Each is known by its thumbprint, whatever `kid` it comes with.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.thumbprint(), key)).collect())
    }

    /// The keys of a JWKS.
    pub fn from_jwks(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<PublicKey>,
        }
        Ok(Self::new(serde_json::from_str::<Jwks>(text)?.keys))
    }

    /// The seal that a JWS holds, if one of the keys signed it, and its digest.
    pub fn open(&self, jws: &str) -> Result<(Seal, Hash), NotGenuine> {
        let (message, signature) = jws.rsplit_once('.').ok_or(NotGenuine::Form)?;
        let (header, payload) = message.split_once('.').ok_or(NotGenuine::Form)?;
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| NotGenuine::Form);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header = serde_json::from_slice(&header).map_err(|_| NotGenuine::Form)?;
        if header.alg != "ES256" || header.typ != TYPE {
            return Err(NotGenuine::Form);
        }
        let key = self.0.get(&header.kid).ok_or(NotGenuine::UnknownKey(header.kid))?;
        if !es256::verify(key, message.as_bytes(), &signature) {
            return Err(NotGenuine::Signature);
        }
        let seal: Seal = serde_json::from_slice(&payload).map_err(|_| NotGenuine::Format)?;
        if !seal.is_known() {
            return Err(NotGenuine::Format);
        }
        Ok((seal, seal::hash_of(&payload)))
    }
}
