//! The keys that verify access tokens: public signing keys by `kid`, loaded with each database connection, or the HS256
//! secret. A signing key counts where the configuration names it, or a key that the configuration names certifies it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::certificate;
use super::es256::PublicKey;
use crate::audit::PinnedKeys;

/// A public signing key as the database stores it.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredSigningKey {
    /// RFC 7638 thumbprint of the key.
    pub kid: String,
    /// The key.
    #[serde(flatten)]
    pub public: PublicKey,
    /// ARN of the KMS key; none for a key in a file.
    pub provider_key: Option<String>,
    expires_at: Option<Timestamp>,
    certificate: Option<String>,
}

impl StoredSigningKey {
    fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// A key as it stands in the JWKS (RFC 7517).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwk {
    /// Always `EC`.
    kty: &'static str,
    /// Always `P-256`.
    crv: &'static str,
    /// Always `ES256`.
    alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    usage: &'static str,
    /// RFC 7638 thumbprint of the key.
    kid: String,
    /// x of the public point, base64url.
    x: String,
    /// y of the public point, base64url.
    y: String,
}

#[derive(Default)]
struct Loaded {
    /// The root keys; none while they are not known.
    roots: Option<PinnedKeys>,
    stored: Vec<StoredSigningKey>,
    /// The stored keys that count, by `kid`.
    signing: BTreeMap<String, (StoredSigningKey, DecodingKey)>,
    cursor: Option<Vec<u8>>,
}

impl Loaded {
    /// Decides which of the stored keys count.
    fn certify(&mut self) {
        let named = |key: &StoredSigningKey| self.roots.as_ref().is_some_and(|roots| roots.contains(&key.public));
        let genuine = |key: &&StoredSigningKey| key.public.thumbprint() == key.kid;
        let stored = || self.stored.iter().filter(genuine);
        let roots = || stored().filter(|key| named(key)).map(|key| &key.public);
        let counts = |key: &&StoredSigningKey| {
            let certified = |certificate: &str| certificate::certifies(certificate, &key.public, roots());
            named(key) || key.certificate.as_deref().is_some_and(certified)
        };
        let decoded = |key: &StoredSigningKey| {
            let decoding = DecodingKey::from_ec_components(&key.public.x, &key.public.y);
            decoding
                .inspect_err(
                    |error| tracing::error!(%error, kid = key.kid, "a stored signing key is not a P-256 point"),
                )
                .ok()
                .map(|decoding| (key.kid.clone(), (key.clone(), decoding)))
        };
        self.signing = stored().filter(counts).filter_map(decoded).collect();
    }
}

/// All keys that this instance verifies with.
pub struct KeyRing {
    shared_secret: Option<DecodingKey>,
    loaded: RwLock<Loaded>,
    reloaded: AtomicI64,
}

/// Minimum seconds between two reloads that unknown keys cause.
const RELOAD_EVERY: i64 = 10;

impl KeyRing {
    /// Creates a ring with the HS256 secret, if there is one; the first connection brings the other keys.
    pub fn new(jwt_secret: Option<&SecretSlice<u8>>) -> Self {
        super::es256::install();
        Self {
            shared_secret: jwt_secret.map(|secret| DecodingKey::from_secret(secret.expose_secret())),
            loaded: RwLock::default(),
            reloaded: AtomicI64::new(i64::MIN),
        }
    }

    /// Names the root keys.
    pub(crate) fn pin(&self, roots: &PinnedKeys) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.roots = Some(roots.clone());
        loaded.certify();
    }

    /// Returns whether the root keys are known; under HS256 there are none.
    pub(crate) fn is_pinned(&self) -> bool {
        self.shared_secret.is_some() || self.loaded.read().unwrap_or_else(PoisonError::into_inner).roots.is_some()
    }

    /// Returns the stored keys that have not expired and do not count, for want of a certificate.
    pub fn uncertified(&self, now: Timestamp) -> Vec<StoredSigningKey> {
        if self.shared_secret.is_some() {
            return Vec::new();
        }
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let stored = loaded.stored.iter().filter(|key| key.is_valid(now) && !loaded.signing.contains_key(&key.kid));
        stored.cloned().collect()
    }

    /// Returns whether a key of this `kid` is stored, has not expired, and does not count as far as is known here.
    pub(crate) fn lacks_certificate(&self, kid: &str, now: Timestamp) -> bool {
        self.uncertified(now).iter().any(|key| key.kid == kid)
    }

    /// Adds the certificate of a stored key.
    pub fn certified(&self, kid: &str, certificate: &str) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let stored = loaded.stored.iter_mut().filter(|key| key.kid == kid);
        stored.for_each(|key| key.certificate = Some(certificate.to_owned()));
        loaded.certify();
    }

    /// Replaces the keys by those that a new connection brought. A key that does not parse is left out and logged.
    pub(crate) fn load(&self, signing: serde_json::Value, cursor: Option<Vec<u8>>) {
        let keys: Vec<StoredSigningKey> = serde_json::from_value(signing).unwrap_or_else(|error| {
            tracing::error!(%error, "the stored signing keys cannot be read");
            Vec::new()
        });
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        (loaded.stored, loaded.cursor) = (keys, cursor);
        loaded.certify();
    }

    /// Returns the HS256 secret.
    pub(crate) fn shared_secret(&self) -> Option<&DecodingKey> {
        self.shared_secret.as_ref()
    }

    /// Returns the key of this `kid`, unless it has expired or does not count.
    pub fn signing(&self, kid: &str, now: Timestamp) -> Option<DecodingKey> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.signing.get(kid).filter(|(key, _)| key.is_valid(now)).map(|(_, decoding)| decoding.clone())
    }

    /// Returns whether a reload is due; the caller that gets `true` must then reload.
    pub(crate) fn may_reload(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_second(), self.reloaded.load(Ordering::Relaxed));
        now.saturating_sub(last) >= RELOAD_EVERY
            && self.reloaded.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Returns whether a connection has brought the keys yet.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).cursor.is_some()
    }

    /// Returns the key that authenticates page cursors.
    pub(crate) fn cursor(&self) -> Option<Vec<u8>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).cursor.clone()
    }

    /// Returns the public keys that are valid. Empty under HS256, which has none.
    pub fn public(&self, now: Timestamp) -> Vec<Jwk> {
        if self.shared_secret.is_some() {
            return Vec::new();
        }
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let valid = loaded.signing.values().filter(|(key, _)| key.is_valid(now));
        valid
            .map(|(key, _)| Jwk {
                kty: "EC",
                crv: "P-256",
                alg: "ES256",
                usage: "sig",
                kid: key.kid.clone(),
                x: key.public.x.clone(),
                y: key.public.y.clone(),
            })
            .collect()
    }
}
