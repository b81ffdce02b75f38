//! Who is calling: passwords, access tokens and the keys that sign them.

pub mod es256;
pub mod keys;
pub mod password;
pub mod refresh;
pub mod signer;
pub mod token;
