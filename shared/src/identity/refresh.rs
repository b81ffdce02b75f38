//! Refresh tokens: opaque, stored as SHA-256 only. Each is derived from its predecessor, so that a response that was lost can
//! be sent again without storing the token: successor = HMAC-SHA-256(key: token, random seed).
//!
//! A reader of the database has the seeds but no token; the holder of an old token has no seed. Neither can derive the next
//! one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::rng::Rng;

/// Prefix of refresh tokens, by which secret scanners recognise them.
const PREFIX: &str = "hfr_";

/// A refresh token: 32 secret bytes.
pub struct RefreshToken(Zeroizing<[u8; 32]>);

impl RefreshToken {
    /// A new token, for a new session.
    pub fn random(rng: &dyn Rng) -> Self {
        Self(Zeroizing::new(rng.bytes()))
    }

    /// Parses a token as it was issued.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// Returns the token that follows this one, given the seed of their exchange.
    #[must_use]
    pub fn successor(&self, seed: &[u8]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), seed);
        let mut bytes = Zeroizing::new([0; 32]);
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Returns its SHA-256, which the database stores.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_slice()).as_ref().to_vec()
    }

    /// Returns the text of the token, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn the_same_exchange_gives_the_same_successor_and_another_seed_another() {
        let token = RefreshToken::random(&SeededRng::new(7));
        let again = RefreshToken::parse(&token.reveal()).unwrap();
        assert_eq!(token.successor(b"seed").hash(), again.successor(b"seed").hash());
        assert_ne!(token.successor(b"seed").hash(), token.successor(b"else").hash());
    }

    #[test]
    fn a_text_that_is_not_a_token_is_not_parsed() {
        for text in ["", "hfr_", "hfr_AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
