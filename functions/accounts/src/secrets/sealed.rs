//! A version of a secret as the database stores it, and how it is opened.

use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Row, RowError};
use holdfast_shared::id::AccountId;
use holdfast_shared::problem::Problem;
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::{BoundVersion, Purpose, VaultError, WrappedKey};
use holdfast_shared::web::RequestContext;

use super::plaintext::Plaintext;
use super::transaction;

/// A sealed version, with the data key that opens it.
pub(super) struct SealedVersion {
    pub(super) version: i64,
    sealed: Vec<u8>,
    binding_tag: Vec<u8>,
    is_text: bool,
    key: Option<WrappedKey>,
}

impl FromRow for SealedVersion {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            version: row.try_get("version")?,
            sealed: row.try_get("sealed")?,
            binding_tag: row.try_get("binding_tag")?,
            is_text: row.try_get("is_text")?,
            key: Option::<WrappedKey>::from_row(row)?,
        })
    }
}

impl SealedVersion {
    /// Opens the version. A failure is recorded in the audit log.
    pub(super) async fn open(
        &self,
        app: &App,
        request: &RequestContext,
        account: AccountId,
        name: &SecretName,
    ) -> Result<Plaintext, Problem> {
        let opened = match &self.key {
            Some(key) => {
                let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
                let bound =
                    BoundVersion { sealed: &self.sealed, version: self.version, binding_tag: &self.binding_tag };
                let tenant = request.principal()?.home();
                app.vault()?.open_version(tenant, Purpose::Secret, &context, key, &bound).await
            }
            None => Err(VaultError::KeyRejected),
        };
        match opened {
            Ok(bytes) => Ok(Plaintext { bytes, is_text: self.is_text }),
            Err(error) => {
                let alarm = transaction(request, app, account, name).target_named("version", self.version);
                Err(alarm.action("vault.open_failed").reject(error.into()).await)
            }
        }
    }
}
