//! A P-256 key that no deployment knows, and tokens that it signs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_shared::identity::es256::{self, PublicKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// A key of an attacker.
pub struct ForeignKey {
    pair: EcdsaKeyPair,
    /// The public half.
    pub public: PublicKey,
}

impl ForeignKey {
    /// Creates a key.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let public = PublicKey::from_point(pair.public_key().as_ref()).unwrap();
        Self { pair, public }
    }

    /// Returns a token with the claims of another, signed by this key, which its header names.
    pub fn forged(&self, token: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": self.public.thumbprint()});
        signed(&self.pair, &header.to_string(), &claims(token).to_string())
    }

    /// Returns a certificate of this key, signed by itself.
    pub fn certificate(&self) -> String {
        let header = json!({"alg": "ES256", "typ": "holdfast-key+jwt", "kid": self.public.thumbprint()});
        let key = json!({"x": self.public.x, "y": self.public.y});
        signed(&self.pair, &header.to_string(), &key.to_string())
    }
}

impl Default for ForeignKey {
    fn default() -> Self {
        Self::new()
    }
}

/// Signs a header and claims, whatever their contents.
pub fn signed(key: &EcdsaKeyPair, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = es256::low_s(key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the claims of a token.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
