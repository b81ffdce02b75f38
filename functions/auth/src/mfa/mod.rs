//! `/auth/mfa`: second factors of a user.

pub(crate) mod totp;
