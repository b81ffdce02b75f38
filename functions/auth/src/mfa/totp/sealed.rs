//! A user's TOTP secret as the database stores it: sealed by the vault.

use holdfast_shared::app::App;
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::totp::TotpSecret;
use holdfast_shared::problem::Problem;
use holdfast_shared::vault::{Purpose, Sealed, WrappedKey};

/// A sealed secret, with the wrapped data key that opens it.
pub(crate) struct SealedTotp {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    bytes: Vec<u8>,
    key: WrappedKey,
}

impl SealedTotp {
    pub(crate) fn new(tenant: TenantId, user: UserId, bytes: Vec<u8>, key: WrappedKey) -> Self {
        Self { tenant, user, bytes, key }
    }

    /// Seals a new secret of the user.
    pub(crate) async fn seal(
        app: &App,
        tenant: TenantId,
        user: UserId,
        secret: &TotpSecret,
    ) -> Result<Sealed, Problem> {
        Ok(app.vault()?.seal(tenant, Purpose::Totp, &[user.0.as_bytes()], secret.as_bytes()).await?)
    }

    /// Opens the secret.
    pub(crate) async fn open(&self, app: &App) -> Result<TotpSecret, Problem> {
        let context = [self.user.0.as_bytes().as_slice()];
        let opened = app.vault()?.open(self.tenant, Purpose::Totp, &context, &self.key, &self.bytes).await?;
        Ok(TotpSecret::from_bytes(opened))
    }
}
