//! Shared by the routes that check a password or a code: the counts of attempts, and the tokens that a sign-in returns.

pub(crate) mod attempts;
pub(crate) mod grant;
pub(crate) mod otp_proof;
