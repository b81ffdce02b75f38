//! Data keys under a KMS key, which never leaves KMS. The encryption context names the tenant and the purpose: KMS rejects a
//! request in the name of another tenant, the key's policy allows each role its own purposes, and the log in `CloudTrail`
//! records tenant and purpose of each data key.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::super::data_key::DataKey;
use super::super::envelope::Purpose;
use super::super::error::VaultError;
use super::super::wrapped::WrappedKey;
use super::NewDataKey;
use crate::aws::{self, AwsError};
use crate::id::TenantId;

/// Time limits of a request to KMS: for one attempt, and for all of them.
const ATTEMPT: Duration = Duration::from_secs(2);
const TOTAL: Duration = Duration::from_secs(5);

/// A symmetric KMS key.
#[derive(Debug)]
pub struct KmsKey {
    client: aws_sdk_kms::Client,
    key_id: String,
}

impl KmsKey {
    /// Creates a provider for a key (id, ARN or alias) with this client.
    pub fn new(client: aws_sdk_kms::Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into() }
    }

    /// Creates a provider for a key with the client that the environment configures.
    pub(super) async fn configured(key_id: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(TOTAL)
            .build();
        let config = aws_sdk_kms::config::Builder::from(aws::config().await).timeout_config(timeouts).build();
        Self::new(aws_sdk_kms::Client::from_conf(config), key_id)
    }

    /// Returns whether this is the ARN of the key.
    pub(in crate::vault) fn is_named(&self, arn: &str) -> bool {
        arn == self.key_id || arn.strip_suffix(&self.key_id).is_some_and(|before| before.ends_with(":key/"))
    }

    /// Returns whether the key is configured by an alias, which may point to another key later.
    pub(super) fn is_alias(&self) -> bool {
        self.key_id.starts_with("alias/") || self.key_id.contains(":alias/")
    }

    /// Creates a data key (`GenerateDataKey`).
    pub(super) async fn generate(&self, tenant: TenantId, purpose: Purpose) -> Result<NewDataKey, VaultError> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let response = request.set_encryption_context(Some(encryption_context(tenant, purpose))).send().await;
        let response = response.map_err(|error| VaultError::Kms(AwsError::from_sdk(error.into_service_error())))?;
        let data_key = response.plaintext.and_then(data_key);
        let new = data_key.zip(response.key_id).zip(response.ciphertext_blob);
        let ((data_key, provider_key), wrapped) = new.ok_or_else(|| VaultError::Kms(AwsError::incomplete()))?;
        Ok(NewDataKey { data_key, provider_key, wrapped: wrapped.into_inner() })
    }

    /// Creates a data key that its maker never sees (`GenerateDataKeyWithoutPlaintext`). Returns the ARN of the key that wrapped
    /// it, and the ciphertext.
    pub(super) async fn generate_unseen(
        &self,
        tenant: TenantId,
        purpose: Purpose,
    ) -> Result<(String, Vec<u8>), VaultError> {
        let request = self.client.generate_data_key_without_plaintext().key_id(&self.key_id);
        let request = request.key_spec(DataKeySpec::Aes256);
        let response = request.set_encryption_context(Some(encryption_context(tenant, purpose))).send().await;
        let response = response.map_err(|error| VaultError::Kms(AwsError::from_sdk(error.into_service_error())))?;
        let wrapped = response.key_id.zip(response.ciphertext_blob);
        let (provider_key, wrapped) = wrapped.ok_or_else(|| VaultError::Kms(AwsError::incomplete()))?;
        Ok((provider_key, wrapped.into_inner()))
    }

    /// Wraps an existing data key (`Encrypt`). Returns the ARN of the key that did, and the ciphertext.
    pub(super) async fn wrap(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        data_key: &DataKey,
    ) -> Result<(String, Vec<u8>), VaultError> {
        let request = self.client.encrypt().key_id(&self.key_id).plaintext(Blob::new(data_key.expose().to_vec()));
        let response = request.set_encryption_context(Some(encryption_context(tenant, purpose))).send().await;
        let response = response.map_err(|error| VaultError::Kms(AwsError::from_sdk(error.into_service_error())))?;
        let wrapped =
            response.key_id.zip(response.ciphertext_blob).ok_or_else(|| VaultError::Kms(AwsError::incomplete()))?;
        Ok((wrapped.0, wrapped.1.into_inner()))
    }

    /// Unwraps a data key (`Decrypt`), if this key wrapped it for this tenant and purpose.
    pub(super) async fn unwrap_key(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        key: &WrappedKey,
    ) -> Result<DataKey, VaultError> {
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(key.wrapped.clone()));
        let response = request.set_encryption_context(Some(encryption_context(tenant, purpose))).send().await;
        let response = response.map_err(|error| match error.into_service_error() {
            DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_) => {
                VaultError::KeyRejected
            }
            error => VaultError::Kms(AwsError::from_sdk(error)),
        })?;
        if response.key_id.as_deref() != Some(&key.provider_key) {
            return Err(VaultError::KeyRejected);
        }
        response.plaintext.and_then(data_key).ok_or(VaultError::KeyRejected)
    }
}

fn encryption_context(tenant: TenantId, purpose: Purpose) -> HashMap<String, String> {
    [("tenant", tenant.to_string()), ("purpose", purpose.name().to_owned())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Takes the key out of the response of KMS, and wipes the response.
fn data_key(plaintext: Blob) -> Option<DataKey> {
    DataKey::from_slice(&Zeroizing::new(plaintext.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> KmsKey {
        let config = aws_sdk_kms::Config::builder().behavior_version_latest().build();
        KmsKey::new(aws_sdk_kms::Client::from_conf(config), id)
    }

    #[test]
    fn a_key_is_recognised_by_its_arn_or_id_and_an_alias_by_neither() {
        const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(key(ARN).is_named(ARN));
        assert!(key("1234abcd-12ab-34cd-56ef-1234567890ab").is_named(ARN));
        assert!(!key("12ab-34cd-56ef-1234567890ab").is_named(ARN));
        assert!(!key("").is_named(ARN));
        assert!(!key("alias/vault").is_named(ARN) && key("alias/vault").is_alias());
        assert!(key("arn:aws:kms:eu-central-1:111122223333:alias/vault").is_alias());
        assert!(!key(ARN).is_alias());
    }
}
