//! Sign-in, sessions and public keys.
fn main() {}
