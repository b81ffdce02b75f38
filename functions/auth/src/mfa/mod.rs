//! `/auth/mfa`: second factors.

pub(crate) mod totp;
