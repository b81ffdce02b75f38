//! Certificates of signing keys: the configured key vouches for those that rotations registered, before the first token that one
//! of them signs. Once for each key; whatever else the database names stays without a certificate, and unused.

use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::identity::signer::{ActiveKey, SignError};
use holdfast_shared::problem::Problem;
use jiff::Timestamp;

/// Unprepared: once for each key.
const CERTIFY: Sql = Sql::unprepared("SELECT certify_signing_key($1, $2)");

/// Ensures that the other functions accept tokens of the active key.
///
/// # Errors
/// 503 if the key is not one of a rotation, or KMS or the database do not answer.
pub(crate) async fn ensure(app: &App, active: &ActiveKey, now: Timestamp) -> Result<(), Problem> {
    if app.keys.signing(&active.kid, now).is_some() {
        return Ok(());
    }
    // It is newer than this instance, or nobody has certified it yet.
    app.load_certificates().await?;
    certify_all(app, now).await?;
    app.keys.signing(&active.kid, now).map(drop).ok_or_else(Problem::unavailable)
}

/// Certifies each stored key that has no certificate and is as well guarded as the configured one.
///
/// # Errors
/// 503 if KMS or the database do not answer.
pub(crate) async fn certify_all(app: &App, now: Timestamp) -> Result<(), Problem> {
    let Some(signer) = &app.signer else { return Ok(()) };
    for key in app.keys.uncertified(now) {
        match signer.certify(&key).await {
            Ok(certificate) => {
                app.db.query(&CERTIFY.bind(&key.kid).bind(&certificate)).await?;
                app.keys.certified(&key.kid, &certificate);
                tracing::info!(kid = key.kid, "certified a new signing key");
            }
            Err(error @ (SignError::Foreign(_) | SignError::File(_) | SignError::NoKey)) => {
                tracing::error!(%error, "no certificate");
            }
            Err(error) => {
                tracing::error!(%error, kid = key.kid, "a new signing key could not be certified");
                return Err(Problem::unavailable());
            }
        }
    }
    Ok(())
}
