//! Certificates of signing keys: a root key says of another that it signs access tokens, too. A JWS in compact form (RFC 7515)
//! under ES256, whose payload is the key; it names no time, since the key's row says until when its tokens are valid.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::es256::{self, PublicKey};

/// Type of the JWS: never taken for an access token (`at+jwt`) or a seal.
const TYPE: &str = "holdfast-key+jwt";

/// The complete header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    /// Thumbprint of the root key.
    kid: String,
}

/// Returns what a root key signs to certify a key: header and payload, encoded and joined.
pub(super) fn signing_input(root: &str, key: &PublicKey) -> String {
    let header = Header { alg: "ES256".to_owned(), typ: TYPE.to_owned(), kid: root.to_owned() };
    // A struct of texts always serializes.
    let segment = |json: Result<Vec<u8>, serde_json::Error>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
    format!("{}.{}", segment(serde_json::to_vec(&header)), segment(serde_json::to_vec(key)))
}

/// Returns the certificate, given its signature.
pub(super) fn complete(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns whether a certificate says of this key, under one of these roots, that it signs.
pub(super) fn certifies<'a>(
    certificate: &str,
    key: &PublicKey,
    mut roots: impl Iterator<Item = &'a PublicKey>,
) -> bool {
    let Some((input, signature)) = certificate.rsplit_once('.') else { return false };
    let Some((header, _)) = input.split_once('.') else { return false };
    let header = URL_SAFE_NO_PAD.decode(header).ok().and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    let Some(header) = header else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let Some(root) = roots.find(|root| root.thumbprint() == header.kid) else { return false };
    // The header and the payload are compared as a whole, in the one form that is ever signed.
    input == signing_input(&header.kid, key) && es256::verify(root, input.as_bytes(), &signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    struct Key(EcdsaKeyPair, PublicKey);

    fn key() -> Key {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &SystemRandom::new()).unwrap();
        let public = PublicKey::from_point(pair.public_key().as_ref()).unwrap();
        Key(pair, public)
    }

    fn signed(input: &str, by: &Key) -> String {
        let signature = by.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        complete(input, &es256::low_s(signature.as_ref()).unwrap())
    }

    #[test]
    fn only_a_root_certifies_and_only_the_key_that_it_names() {
        let (root, other, new) = (key(), key(), key());
        let good = signed(&signing_input(&root.1.thumbprint(), &new.1), &root);
        let roots = || [&root.1].into_iter();
        assert!(certifies(&good, &new.1, roots()));
        assert!(!certifies(&good, &other.1, roots()), "another key");
        assert!(!certifies(&good, &new.1, [&other.1].into_iter()), "no root");
        assert!(!certifies(&good, &new.1, std::iter::empty()));
        for forged in [
            signed(&signing_input(&root.1.thumbprint(), &new.1), &other),
            signed(&signing_input(&other.1.thumbprint(), &new.1), &other),
            signed(&signing_input(&new.1.thumbprint(), &new.1), &new),
        ] {
            assert!(!certifies(&forged, &new.1, roots()), "{forged}");
        }
    }

    #[test]
    fn every_altered_character_makes_it_invalid() {
        let (root, new) = (key(), key());
        let good = signed(&signing_input(&root.1.thumbprint(), &new.1), &root);
        for at in 0..good.len() {
            for instead in [b'A', b'b', b'.', b'=', b'_'] {
                let mut bytes = good.clone().into_bytes();
                if bytes[at] == instead {
                    continue;
                }
                bytes[at] = instead;
                let altered = String::from_utf8(bytes).unwrap();
                assert!(!certifies(&altered, &new.1, [&root.1].into_iter()), "{altered}");
            }
            assert!(!certifies(&good[..at], &new.1, [&root.1].into_iter()), "{at}");
        }
        for text in ["", ".", "..", "a.b.c"] {
            assert!(!certifies(text, &new.1, [&root.1].into_iter()));
        }
    }
}
