//! The one random source: the operating system's, or a seeded one in tests.

use jiff::Timestamp;
#[expect(clippy::disallowed_types, reason = "the one place that reads the system's random source")]
use rand::rngs::OsRng;
use rand::{RngCore, TryRngCore};
use std::sync::{Mutex, PoisonError};
use uuid::{Builder, Uuid};

/// A cryptographically secure random source.
pub trait Rng: Send + Sync {
    /// Fills the buffer with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Rng + '_ {
    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Returns a UUID version 7 (RFC 9562, section 6.2, method 3): sorts by the microsecond of its creation, with 62 random
    /// bits.
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
        let mut rest = self.bytes::<10>();
        // The 12 bits after the milliseconds hold their fraction.
        let fraction = (micros % 1000) * 4096 / 1000;
        let [high, low, ..] = &mut rest;
        [*high, *low] = u16::try_from(fraction).unwrap_or(0).to_be_bytes();
        Builder::from_unix_timestamp_millis(micros / 1000, &rest).into_uuid()
    }

    /// Returns `length` random letters and digits of 5.95 bits each: 22 of them equal a 128-bit key.
    pub fn base62(&self, length: usize) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let bytes: [u8; 32] = self.bytes();
            // Six bits each; the two values beyond the alphabet are dropped, so that all letters are equally likely.
            let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte >> 2)));
            text.extend(letters.take(length - text.len()).map(|letter| char::from(*letter)));
        }
        text
    }
}

/// The operating system's random source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(clippy::panic, reason = "no operation is secure without randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = OsRng.try_fill_bytes(bytes) {
            panic!("the operating system returns no random bytes: {error}");
        }
    }
}

/// A generator that returns the same bytes for the same seed. Tests only.
#[derive(Debug)]
pub struct SeededRng(Mutex<rand::rngs::StdRng>);

impl SeededRng {
    /// Starts the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(rand::SeedableRng::seed_from_u64(seed)))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_has_the_requested_length_and_uses_its_whole_alphabet() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let text = rng.base62(10_000);
        assert_eq!(text.len(), 10_000);
        assert_eq!(text.chars().collect::<std::collections::BTreeSet<_>>().len(), 62);
        assert!(text.chars().all(|letter| letter.is_ascii_alphanumeric()));
        assert_ne!(rng.base62(22), rng.base62(22));
        assert_eq!(rng.base62(0), "");
    }

    #[test]
    fn ids_sort_by_the_microsecond_of_their_creation() {
        let rng: &dyn Rng = &SystemRng;
        let at = |micros: i64| Timestamp::from_microsecond(1_790_000_000_000_000 + micros).unwrap();
        let ids: Vec<_> = (0..3000).map(|micros| rng.uuid(at(micros))).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
