//! Searches the logs of a run, and dumps of its databases, for the secrets that its tests used, plain and encoded. Tests
//! list their secrets in `secrets.txt`, one a line.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The file in which tests list their secrets.
pub const SECRETS: &str = "secrets.txt";

/// The length below which a text could be in a log by chance.
const MIN_BYTES: usize = 8;

/// The place of a secret in a log. The secret itself is not repeated.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The encoding of the secret.
    pub form: &'static str,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: a secret, {}", self.file.display(), self.line, self.form)
    }
}

/// Searches the files of a folder except `secrets.txt`, and some more files.
pub fn find(folder: &Path, more: &[PathBuf]) -> anyhow::Result<Vec<Leak>> {
    let secrets = fs::read_to_string(folder.join(SECRETS)).unwrap_or_default();
    let forms: BTreeSet<_> = secrets.lines().filter(|secret| secret.len() >= MIN_BYTES).flat_map(forms).collect();
    let (patterns, names): (Vec<_>, Vec<_>) = forms.into_iter().unzip();
    let search = AhoCorasick::new(&patterns)?;

    let mut files: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.is_file() && !file.ends_with(SECRETS));
    files.extend_from_slice(more);
    files.sort();

    let mut leaks = BTreeSet::new();
    for file in files {
        let text = fs::read(&file).with_context(|| file.display().to_string())?;
        for (line, text) in text.split(|byte| *byte == b'\n').enumerate() {
            let found = search.find_overlapping_iter(text).map(|found| names[found.pattern().as_usize()]);
            leaks.extend(found.map(|form| Leak { file: file.clone(), line: line + 1, form }));
        }
    }
    Ok(leaks.into_iter().collect())
}

/// Returns the encodings of a secret that a log may hold.
fn forms(secret: &str) -> Vec<(Vec<u8>, &'static str)> {
    let hex = hex(secret);
    let mut forms = vec![
        (secret.as_bytes().to_vec(), "plain"),
        (hex.to_uppercase().into_bytes(), "as hexadecimal digits"),
        (hex.into_bytes(), "as hexadecimal digits"),
    ];
    // Within a longer text, the encoding depends on the position in a group of three bytes. The characters at both ends are
    // left out, because they hold bits of the neighbours, too.
    for before in 0..3 {
        let padded = [&[0; 2][..before.min(2)], secret.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.push((engine.encode(&padded).as_bytes()[from..to].to_vec(), "in base64"));
        }
    }
    forms
}

fn hex(text: &str) -> String {
    let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn leaks(log: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SECRETS), "correct horse battery staple\nshort\nother?secret>here\n").unwrap();
        fs::write(folder.path().join("some.log"), log).unwrap();
        let found = find(folder.path(), &[]).unwrap();
        found.into_iter().map(|leak| format!("{} {}", leak.line, leak.form)).collect()
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let secret = "correct horse battery staple";
        let hex = hex(secret);
        let lines = [format!("a {secret} b"), "clean".to_owned(), format!("x{hex}x"), hex.to_uppercase()];
        assert_eq!(leaks(&lines.join("\n")), ["1 plain", "3 as hexadecimal digits", "4 as hexadecimal digits"]);
    }

    #[test]
    fn base64_is_found_at_every_offset_of_the_secret() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "z", "zz", "zzz"] {
                let text = format!("{before}other?secret>here{after}");
                assert_eq!(leaks(&STANDARD.encode(&text)), ["1 in base64"], "{text}");
                assert_eq!(leaks(&URL_SAFE_NO_PAD.encode(&text)), ["1 in base64"], "{text}");
            }
        }
    }

    #[test]
    fn a_text_too_short_to_be_a_secret_is_not_searched_for() {
        assert!(leaks("a short line").is_empty());
    }
}
