//! Passwords: argon2id in PHC form (RFC 9106), never stored or logged otherwise. Hashed and verified in NFC (NIST SP 800-63B,
//! section 5.1.1.2): keyboards and systems write the same letters in different forms.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::common_passwords as common;
use crate::problem::Problem;
use crate::rng::Rng;
use crate::text::fold;

/// The parameters of every hash: 19 MiB, two passes, one lane (OWASP's recommendation).
fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// A hash of no password, with the same cost as any other. Passwords of unknown users are checked against it, so that the
/// check takes as long as for known ones.
const UNKNOWN_USER: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aG9sZGZhc3Qgbm9ib2R5IQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Maximum length of a password, in characters of NFC.
const MAX_CHARACTERS: usize = 256;

/// The form of a password that is hashed: NFC, so that composed and decomposed letters are the same password.
fn normalized(password: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(password.expose_secret().nfc().collect())
}

/// Returns whether a text is longer than any password.
pub fn is_too_long(password: &SecretString) -> bool {
    normalized(password).chars().count() > MAX_CHARACTERS
}

/// Hashes a password with a new salt. Takes about 20 ms of one core: do not call it on an async thread.
pub fn hash(password: &SecretString, rng: &dyn Rng) -> Result<String, argon2::password_hash::Error> {
    let salt: [u8; 16] = rng.bytes();
    argon2id().hash_password_with_salt(normalized(password).as_bytes(), &salt).map(|hash| hash.to_string())
}

/// Bounds the memory of hashes, 19 MiB each, in a process that serves many requests at once: two for each core.
static SLOTS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(2 * available_parallelism().map_or(1, usize::from)));

/// Runs the work on a thread that may block, once a slot is free. A request that its caller gives up leaves the queue.
async fn in_slot<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let slot = SLOTS.acquire().await.ok()?;
    let work = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work()
    });
    work.await.ok()
}

/// Hashes a password on a thread that may block.
pub async fn hash_blocking(password: SecretString, rng: Arc<dyn Rng>) -> Result<String, Problem> {
    in_slot(move || hash(&password, &*rng)).await.and_then(Result::ok).ok_or_else(|| {
        tracing::error!("a password could not be hashed");
        Problem::internal()
    })
}

/// The user that a new password is for.
#[derive(Debug, Clone, Copy)]
pub struct PasswordOwner<'a> {
    /// Username.
    pub username: &'a str,
    /// Slug of the tenant.
    pub slug: &'a str,
    /// Name of the tenant.
    pub tenant: &'a str,
}

/// Checks a new password: 12 to 256 characters, no composition rules, not common and not its owner's name
/// (NIST SP 800-63B, section 5.1.1.2).
///
/// # Errors
/// 400 that names `field`.
pub fn check(field: &'static str, password: &SecretString, owner: PasswordOwner<'_>) -> Result<(), Problem> {
    let text = normalized(password);
    if !(12..=MAX_CHARACTERS).contains(&text.chars().count()) {
        return Err(Problem::field(field, "must be 12 to 256 characters"));
    }
    let lower = Zeroizing::new(fold(&text));
    if [owner.username, owner.slug, owner.tenant].iter().any(|name| fold(name) == *lower) {
        return Err(Problem::field(field, "must not be the username or the tenant"));
    }
    if common::is_common(&lower) {
        return Err(Problem::field(field, "is a common password, among the first that anyone tries"));
    }
    Ok(())
}

/// Returns whether the password is the one that was hashed. Without a hash the check takes the same time and returns
/// `false`.
pub async fn verify(password: SecretString, hash: Option<String>) -> bool {
    let matches = in_slot(move || {
        let known = hash.is_some();
        let hash = hash.as_deref().unwrap_or(UNKNOWN_USER);
        let matches = PasswordHash::new(hash)
            .is_ok_and(|hash| argon2id().verify_password(normalized(&password).as_bytes(), &hash).is_ok());
        matches & known
    });
    matches.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::costs_the_same;
    use crate::rng::SeededRng;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_accepted() {
        let password = SecretString::from("correct horse battery staple");
        let stored = hash(&password, &SeededRng::new(1)).unwrap();
        assert!(costs_the_same(&stored));
        assert!(verify(password.clone(), Some(stored.clone())).await);
        assert!(!verify(SecretString::from("another"), Some(stored)).await);
        assert!(!verify(password, None).await);
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_letters_are_composed() {
        let (composed, decomposed) =
            ("caf\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e", "cafe\u{301} cre\u{300}me bru\u{302}le\u{301}e");
        for (set, given) in [(composed, decomposed), (decomposed, composed)] {
            let stored = hash(&SecretString::from(set), &SeededRng::new(2)).unwrap();
            assert!(verify(SecretString::from(given), Some(stored)).await);
        }
        assert!(!is_too_long(&SecretString::from("e\u{301}".repeat(256))));
        assert!(is_too_long(&SecretString::from("e\u{301}".repeat(257))));
    }

    #[test]
    fn new_passwords_are_long_not_common_and_not_a_name() {
        let owner = PasswordOwner { username: "administrator", slug: "acme-incorporated", tenant: "Acme Incorporated" };
        for (text, fits) in [
            ("correct horse battery", true),
            ("twelve chars", true),
            ("eleven char", false),
            (&"é".repeat(256), true),
            (&"é".repeat(257), false),
            ("Administrator", false),
            ("ACME Incorporated", false),
            ("acme-incorporated", false),
            ("Password12345!", false),
            ("P@ssw0rd-2026", false),
        ] {
            let text = SecretString::from(text.to_owned());
            assert_eq!(check("password", &text, owner).is_ok(), fits, "{}", text.expose_secret());
        }
    }

    #[tokio::test]
    async fn no_more_than_two_hashes_for_each_core_are_computed_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let slots = 2 * available_parallelism().unwrap().get();
        let work = || {
            let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
            std::thread::sleep(std::time::Duration::from_millis(5));
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            running
        };
        let most = futures_util::future::join_all((0..10 * slots).map(|_| in_slot(work))).await;
        let most = most.into_iter().flatten().max().unwrap();
        assert!((2..=slots).contains(&most), "{most} ran at once, {slots} may");
    }

    #[test]
    fn the_hash_for_unknown_users_costs_as_much_as_any_other() {
        assert!(costs_the_same(UNKNOWN_USER));
    }
}
