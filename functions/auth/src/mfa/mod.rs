//! `/auth/mfa`: second factors of a user.

pub(crate) mod recovery_codes;
pub(crate) mod totp;
