//! Accounts, their secrets and the versions of each secret.

mod lifecycle;
mod secret_versions;
mod secrets;
