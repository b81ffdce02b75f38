//! `holdfast admin hash-password`: hashes a password for `AUTH_USERS`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, ensure};
use clap::Args;
use holdfast_shared::identity::password;
use holdfast_shared::rng::SystemRng;
use secrecy::{ExposeSecret, SecretString};

use super::print;

/// Limit of what is read from standard input.
const MAX_BYTES: u64 = 4096;

/// Read a password from standard input without echo, and print its argon2id hash for `AUTH_USERS`
#[derive(Args)]
pub(super) struct HashPassword {}

impl HashPassword {
    #[expect(clippy::unused_self, reason = "every command has the same form")]
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let password = read()?;
        let length = password.expose_secret().chars().count();
        ensure!((12..=256).contains(&length), "the password has {length} characters; use 12 to 256");
        let hash = password::hash(&password, &SystemRng).context("the password cannot be hashed")?;
        print(&format!("{hash}\n"))
    }
}

fn read() -> anyhow::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password("Password: ").context("the terminal cannot be read")?.into());
    }
    let mut text = String::new();
    std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).context("standard input is not text")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
}
