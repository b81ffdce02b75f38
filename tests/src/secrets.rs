//! The secrets that tests use, recorded so that the harness can search every log for them afterwards.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::rng::{Rng, SystemRng};
use secrecy::SecretString;

/// Generates a password and records it.
pub fn random() -> SecretString {
    let rng: &dyn Rng = &SystemRng;
    let text = URL_SAFE_NO_PAD.encode(rng.bytes::<18>());
    keep(&text);
    SecretString::from(text)
}

/// Records a secret for the search. Without the harness there is no folder of logs to search.
pub fn keep(secret: &str) {
    let Some(folder) = std::env::var_os("HOLDFAST_TEST_LOGS") else { return };
    let file = PathBuf::from(folder).join("secrets.txt");
    // One write for each line, so that lines of several processes do not mix.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .and_then(|mut file| file.write_all(format!("{secret}\n").as_bytes()))
        .unwrap();
}

/// Records a searchable part of a value of any length and content.
pub fn keep_excerpt(value: &str) {
    let excerpt: String = value.chars().skip(value.chars().count() / 2).take(48).collect();
    let whole = if value.len() <= 64 { value } else { &excerpt };
    let distinctive = whole.chars().any(|letter| !whole.starts_with(letter));
    if distinctive && !whole.chars().any(char::is_control) {
        keep(whole);
    }
}

/// Returns a word that no other test uses.
pub fn unique() -> String {
    let rng: &dyn Rng = &SystemRng;
    rng.uuid(SystemClock.now()).to_string()
}
