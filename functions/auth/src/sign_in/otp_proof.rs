//! Proof that a user has the authenticator app or a recovery code.

use holdfast_shared::identity::totp::{TotpSecret, recovery_hash};
use jiff::Timestamp;

/// The step of a one-time code, or the digest of a recovery code. Whether either was used before is checked by the database
/// (`use_otp`).
#[derive(Default)]
pub(crate) struct OtpProof {
    pub(crate) step: Option<i64>,
    pub(crate) recovery: Option<Vec<u8>>,
}

impl OtpProof {
    /// Compares a code with the secret; none where it is wrong.
    pub(crate) fn check(secret: &TotpSecret, otp: &str, now: Timestamp) -> Option<Self> {
        let (step, recovery) = (secret.step_of(otp, now), recovery_hash(otp));
        (step.is_some() || recovery.is_some()).then_some(Self { step, recovery })
    }
}
