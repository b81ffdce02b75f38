//! Encryption of secret values: data keys, their wrapping and their rotation.

mod data_key_rotation;
mod data_keys;
mod kms;
mod rewrap;
mod tampering;
