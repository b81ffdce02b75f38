//! ES256 on ring, as the provider behind jsonwebtoken. Signatures are produced and accepted in their low-S form only: for
//! each there is a second form that verifies (SEC 1, section 4.1), by which a token could be altered without its key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind, new_error};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use ring::{digest, hmac};
use signature::{Error as SignatureError, Signer, Verifier};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory, verifier_factory, key_utils: KeyUtils::new_unimplemented() };

/// Installs this provider in jsonwebtoken. Harmless to repeat.
pub fn install() {
    // The only error is that a provider is installed already, and no other module installs one.
    let _ = PROVIDER.install_default();
}

/// P-256 public key: the coordinates of its point, base64url without padding (RFC 7518, section 6.2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct PublicKey {
    /// x coordinate.
    pub x: String,
    /// y coordinate.
    pub y: String,
}

impl PublicKey {
    /// Reads the point in uncompressed form (65 bytes).
    pub fn from_point(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64)?.split_at_checked(32)?;
        Some(Self { x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) })
    }

    /// Reads a `SubjectPublicKeyInfo` in DER, as KMS returns it: for P-256 the point is its last 65 bytes.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        const PREFIX: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
            0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        Self::from_point(der.strip_prefix(&PREFIX)?)
    }

    /// Returns the RFC 7638 thumbprint of the key: its `kid`.
    pub fn thumbprint(&self) -> String {
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }
}

/// Returns whether the key signed this message; the signature is r and s, in its low-S form.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (Some(x), Some(y)) = (decode(&key.x), decode(&key.y)) else { return false };
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    low_s(signature).as_deref() == Some(signature)
        && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).verify(message, signature).is_ok()
}

/// Returns the low-S form of a signature given as r and s (64 bytes); none where they are out of range.
pub fn low_s(signature: &[u8]) -> Option<Vec<u8>> {
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    Some(signature.normalize_s().to_bytes().to_vec())
}

/// Returns the fixed-length, low-S form of a DER signature, as KMS returns it.
pub fn from_der(der: &[u8]) -> Option<Vec<u8>> {
    let signature = p256::ecdsa::Signature::from_der(der).ok()?;
    Some(signature.normalize_s().to_bytes().to_vec())
}

struct Es256Signer(EcdsaKeyPair);

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| SignatureError::new())?;
        low_s(signature.as_ref()).ok_or_else(SignatureError::new)
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Es256Verifier(Vec<u8>);

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        if low_s(signature).as_ref() != Some(signature) {
            return Err(SignatureError::new());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0)
            .verify(message, signature)
            .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn unsupported() -> JwtError {
    new_error(ErrorKind::InvalidAlgorithm)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is jsonwebtoken's")]
fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, JwtError> {
    match algorithm {
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &SystemRandom::new());
            Ok(Box::new(Es256Signer(pair.map_err(|_| new_error(ErrorKind::InvalidEcdsaKey))?)))
        }
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))),
        _ => Err(unsupported()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is jsonwebtoken's")]
fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, JwtError> {
    let bytes = key.try_get_as_bytes()?;
    match algorithm {
        Algorithm::ES256 => Ok(Box::new(Es256Verifier(bytes.to_vec()))),
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, bytes)))),
        _ => Err(unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_follow_rfc_7638() {
        // The P-256 key of RFC 7517, appendix A.1; the thumbprint computed over its canonical JSON with another tool.
        let key = PublicKey {
            x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4".into(),
            y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM".into(),
        };
        assert_eq!(key.thumbprint(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    }
}
