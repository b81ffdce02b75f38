//! One-time codes: TOTP (RFC 6238) with HMAC-SHA-1, six digits and steps of 30 seconds, as authenticator apps expect; and
//! recovery codes for the loss of the app.

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::rng::Rng;

/// Length of a time step in seconds.
const STEP: i64 = 30;
/// Number of steps by which the user's clock may be off.
const DRIFT: i64 = 1;
/// Number of recovery codes issued at enrolment.
const RECOVERY_CODES: usize = 10;

/// TOTP secret of a user: 160 random bits, as RFC 4226 recommends.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// Generates a secret.
    pub fn random(rng: &dyn Rng) -> Self {
        Self(Zeroizing::new(rng.bytes::<20>().to_vec()))
    }

    /// Wraps the bytes of a secret that was sealed.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the secret in the form that people type into an app.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// Returns the code of a time step: seconds since 1970, divided by 30.
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        // Dynamic truncation (RFC 4226, section 5.3): the last half byte is the offset of the four bytes.
        let at = tag.as_ref().last().map_or(0, |last| usize::from(last & 0x0F));
        let four = tag.as_ref().iter().skip(at).take(4).fold(0u32, |number, byte| (number << 8) | u32::from(*byte));
        format!("{:06}", (four & 0x7FFF_FFFF) % 1_000_000)
    }

    /// Returns the step that a code belongs to: the current, previous or next one. The database ensures that a code is used
    /// once.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
        let current = now.as_second() / STEP;
        let matches = |step: &i64| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes()));
        (current - DRIFT..=current + DRIFT).rfind(matches)
    }
}

/// Generates recovery codes: 80 random bits each, in groups of four letters.
pub fn recovery_codes(rng: &dyn Rng) -> Vec<String> {
    let code = || {
        let text = BASE32_NOPAD.encode(&rng.bytes::<10>()).to_lowercase();
        let groups: Vec<String> =
            text.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// Returns the SHA-256 of a recovery code, which the database stores, regardless of case and separators; none where the text
/// cannot be one.
pub fn recovery_hash(code: &str) -> Option<Vec<u8>> {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    (letters.len() == 16).then(|| digest::digest(&digest::SHA256, letters.as_bytes()).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()));
        // Appendix B, SHA-1; the last six of its eight digits.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(time / STEP), code, "{time}");
        }
    }

    #[test]
    fn a_code_is_valid_in_its_step_and_the_steps_beside_it() {
        let secret = TotpSecret::random(&SeededRng::new(3));
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let step = now.as_second() / STEP;
        for (off, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(secret.step_of(&secret.code(step + off), now), good.then_some(step + off), "{off}");
        }
        let code = secret.code(step);
        for written in [
            format!(" {code} "),
            format!("{} {}", &code[..3], &code[3..]),
            format!("{}\u{a0}{}", &code[..3], &code[3..]),
        ] {
            assert_eq!(secret.step_of(&written, now), Some(step), "{written:?}");
        }
        for text in ["", "000", "1234567", "abcdef", " 12345"] {
            assert_eq!(secret.step_of(text, now), None, "{text:?}");
        }
    }

    #[test]
    fn recovery_codes_are_recognised_regardless_of_case_and_separators() {
        let codes = recovery_codes(&SeededRng::new(5));
        assert_eq!((codes.len(), codes[0].len()), (10, 19));
        let typed = codes[0].replace('-', " ").to_uppercase();
        assert_eq!(recovery_hash(&typed), recovery_hash(&codes[0]));
        assert_ne!(recovery_hash(&codes[0]), recovery_hash(&codes[1]));
        assert_eq!(recovery_hash("123456"), None);
    }
}
