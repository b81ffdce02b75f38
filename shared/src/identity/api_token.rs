//! API tokens: `hfk_`, 43 base62 characters, 6 characters of checksum. They are stored as SHA-256 only and shown once.
//!
//! The 43 characters are a 256-bit number: 128 random bits, then the tenant's id, so that the tenant is known without a
//! look-up. The checksum (CRC-32 of all before it) lets scanners and this server reject a typo without a look-up, too.

use ring::digest;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::id::TenantId;
use crate::rng::Rng;

/// Prefix of API tokens, by which secret scanners recognise them.
pub const PREFIX: &str = "hfk_";

const BODY: usize = 43;
const CHECKSUM: usize = 6;
/// Number of characters of a token that may be shown again: the prefix and 24 of its 128 random bits.
const SHOWN: usize = 8;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed token: the hash by which the database finds it, and the tenant that it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// SHA-256 of the whole text.
    pub hash: Vec<u8>,
    /// The tenant that the token claims. Only the database knows whether the token belongs to it.
    pub tenant: TenantId,
}

impl ApiToken {
    /// Parses a token as it was issued; none where its form or checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX).filter(|rest| rest.is_ascii() && rest.len() == BODY + CHECKSUM)?;
        let (body, sum) = body.split_at_checked(BODY)?;
        if sum != checksum(&format!("{PREFIX}{body}")) {
            return None;
        }
        let bytes = decode(body)?;
        let tenant = Uuid::from_slice(bytes.get(16..)?).ok()?;
        Some(Self {
            hash: digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec(),
            tenant: TenantId(tenant),
        })
    }
}

/// Generates a token for a tenant and returns its text, to be shown once.
pub fn generate(tenant: TenantId, rng: &dyn Rng) -> SecretString {
    let mut bytes = Zeroizing::new([0; 32]);
    let (random, owner) = bytes.split_at_mut(16);
    rng.fill(random);
    owner.copy_from_slice(tenant.0.as_bytes());
    let start = Zeroizing::new(format!("{PREFIX}{}", *encode(&bytes)));
    SecretString::from(format!("{}{}", *start, checksum(&start)))
}

/// Returns the part of a token that may be shown again, to distinguish it from others.
pub fn shown(token: &SecretString) -> String {
    token.expose_secret().chars().take(SHOWN).collect()
}

/// Returns the SHA-256 of a token, which the database stores.
pub fn hash(token: &SecretString) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.expose_secret().as_bytes()).as_ref().to_vec()
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        *letter = letter_of(rest % 62);
        rest /= 62;
    }
    letters.map(char::from).iter().collect()
}

fn letter_of(digit: u32) -> u8 {
    usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).copied().unwrap_or(b'0')
}

/// A 256-bit number, big-endian, in base 62.
fn encode(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut number = Zeroizing::new(*bytes);
    let mut letters = Zeroizing::new([0u8; BODY]);
    for letter in letters.iter_mut().rev() {
        let mut rest = 0;
        for byte in number.iter_mut() {
            let part = rest * 256 + u32::from(*byte);
            // Less than 256, since the rest is less than 62.
            *byte = u8::try_from(part / 62).unwrap_or(0);
            rest = part % 62;
        }
        *letter = letter_of(rest);
    }
    Zeroizing::new(letters.iter().map(|letter| char::from(*letter)).collect())
}

/// Returns the number that a base-62 text stands for; none where it has more than 256 bits.
fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut number = Zeroizing::new([0u8; 32]);
    for letter in text.bytes() {
        let mut carry = u32::try_from(ALPHABET.iter().position(|known| *known == letter)?).ok()?;
        for byte in number.iter_mut().rev() {
            let part = u32::from(*byte) * 62 + carry;
            *byte = u8::try_from(part % 256).ok()?;
            carry = part / 256;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::SeededRng;

    proptest! {
        #[test]
        fn a_generated_token_is_parsed(seed: u64, tenant: u128) {
            let tenant = TenantId(Uuid::from_u128(tenant));
            let token = generate(tenant, &SeededRng::new(seed));
            let text = token.expose_secret();
            prop_assert_eq!(text.len(), 53);
            prop_assert!(text.starts_with(&shown(&token)));
            prop_assert_eq!(ApiToken::parse(text), Some(ApiToken { hash: hash(&token), tenant }));
        }

        #[test]
        fn a_typo_is_rejected(seed: u64, at in 4usize..53, letter in "[0-9A-Za-z]") {
            let token = generate(TenantId::PLATFORM, &SeededRng::new(seed));
            let mut text = token.expose_secret().to_owned();
            text.replace_range(at..=at, &letter);
            prop_assert_eq!(ApiToken::parse(&text).is_some(), text == token.expose_secret());
        }

        #[test]
        fn any_other_text_is_rejected(text in ".*") {
            prop_assert_eq!(ApiToken::parse(&text), None);
            let prefixed = format!("{PREFIX}{text}");
            prop_assert_eq!(ApiToken::parse(&prefixed), None);
        }
    }

    #[test]
    fn the_largest_number_is_decoded_and_a_larger_one_is_not() {
        assert_eq!(*decode(&encode(&[0xFF; 32])).unwrap(), [0xFF; 32]);
        assert!(decode(&"z".repeat(BODY)).is_none());
    }
}
