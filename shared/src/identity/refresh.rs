//! Refresh tokens: opaque, stored as SHA-256 only, each made from the one before so that an answer lost on the way
//! can be given again without keeping the token: successor = HMAC-SHA-256(key: token, random seed).
//!
//! Who reads the database has the seeds and no token; who holds an old token has no seed. Neither gets the next one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::rng::Rng;

/// What refresh tokens begin with, so that a secret scanner knows one.
const PREFIX: &str = "hfr_";

/// A refresh token: 32 secret bytes.
pub struct RefreshToken(Zeroizing<[u8; 32]>);

impl RefreshToken {
    /// A new token, for a new session.
    pub fn random(rng: &dyn Rng) -> Self {
        Self(Zeroizing::new(rng.bytes()))
    }

    /// Reads a token as it was given out.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The token that follows this one, given the seed of their exchange.
    #[must_use]
    pub fn successor(&self, seed: &[u8]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), seed);
        let mut bytes = Zeroizing::new([0; 32]);
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_slice()).as_ref().to_vec()
    }

    /// The text to give out, once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededEntropy;

    #[test]
    fn the_same_exchange_gives_the_same_successor_and_another_seed_another() {
        let token = RefreshToken::random(&SeededEntropy::new(7));
        let again = RefreshToken::parse(&token.reveal()).unwrap();
        assert_eq!(token.successor(b"seed").hash(), again.successor(b"seed").hash());
        assert_ne!(token.successor(b"seed").hash(), token.successor(b"else").hash());
    }

    #[test]
    fn what_is_not_a_token_is_not_read_as_one() {
        for text in ["", "hfr_", "hfr_AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
