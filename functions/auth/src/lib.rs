//! Sign-in, sessions and public keys.
