//! Authentication of callers: passwords, access tokens, API tokens, TOTP, and the keys that sign and verify tokens.

pub mod api_token;
mod certificate;
mod common_passwords;
pub mod document_signer;
pub mod es256;
pub mod key_files;
pub mod key_pins;
pub mod keys;
pub mod password;
pub mod principal;
pub mod refresh;
pub mod signer;
pub mod signing_kms;
pub mod token;
pub mod totp;
