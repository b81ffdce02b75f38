//! Data keys under a KMS key, which never leaves KMS. The encryption context names the tenant, so that KMS itself, and
//! its log in `CloudTrail`, tells whose data key was asked for, and refuses it in another tenant's name.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::super::data_key::DataKey;
use super::super::error::VaultError;
use super::super::wrapped::WrappedKey;
use super::{NewKey, PURPOSE};
use crate::aws::{self, AwsError};
use crate::id::TenantId;

/// How long a request waits for KMS: one attempt, and all of them.
const ATTEMPT: Duration = Duration::from_secs(2);
const ALTOGETHER: Duration = Duration::from_secs(5);

/// A symmetric KMS key.
#[derive(Debug)]
pub struct KmsKey {
    client: aws_sdk_kms::Client,
    key_id: String,
}

impl KmsKey {
    /// This key (id, ARN or alias), reached by this client.
    pub fn new(client: aws_sdk_kms::Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into() }
    }

    /// This key, reached as the environment says.
    pub(super) async fn configured(key_id: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(ALTOGETHER)
            .build();
        let config = aws_sdk_kms::config::Builder::from(aws::config().await).timeout_config(timeouts).build();
        Self::new(aws_sdk_kms::Client::from_conf(config), key_id)
    }

    /// Whether this is the key's ARN.
    pub(in crate::vault) fn is_named(&self, arn: &str) -> bool {
        arn == self.key_id || arn.strip_suffix(&self.key_id).is_some_and(|before| before.ends_with(":key/"))
    }

    /// Whether it is configured by an alias, which stands for whatever key it was given last.
    pub(super) fn is_alias(&self) -> bool {
        self.key_id.starts_with("alias/") || self.key_id.contains(":alias/")
    }

    /// Has KMS make a data key (`GenerateDataKey`).
    pub(super) async fn generate(&self, tenant: TenantId) -> Result<NewKey, VaultError> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let answer = request.set_encryption_context(Some(encryption_context(tenant))).send().await;
        let answer = answer.map_err(|error| VaultError::Kms(AwsError::from_sdk(error.into_service_error())))?;
        let data_key = answer.plaintext.and_then(data_key);
        let new = data_key.zip(answer.key_id).zip(answer.ciphertext_blob);
        let ((data_key, provider_key), wrapped) = new.ok_or_else(|| VaultError::Kms(AwsError::incomplete()))?;
        Ok(NewKey { data_key, provider_key, wrapped: wrapped.into_inner() })
    }

    /// Has KMS wrap a data key that there is already (`Encrypt`): the ARN of the key that did, and the ciphertext.
    pub(super) async fn wrap(&self, tenant: TenantId, data_key: &DataKey) -> Result<(String, Vec<u8>), VaultError> {
        let request = self.client.encrypt().key_id(&self.key_id).plaintext(Blob::new(data_key.expose().to_vec()));
        let answer = request.set_encryption_context(Some(encryption_context(tenant))).send().await;
        let answer = answer.map_err(|error| VaultError::Kms(AwsError::from_sdk(error.into_service_error())))?;
        let wrapped =
            answer.key_id.zip(answer.ciphertext_blob).ok_or_else(|| VaultError::Kms(AwsError::incomplete()))?;
        Ok((wrapped.0, wrapped.1.into_inner()))
    }

    /// Has KMS unwrap a data key (`Decrypt`), if this key wrapped it for this tenant.
    pub(super) async fn unwrap_key(&self, tenant: TenantId, key: &WrappedKey) -> Result<DataKey, VaultError> {
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(key.wrapped.clone()));
        let answer = request.set_encryption_context(Some(encryption_context(tenant))).send().await;
        let answer = answer.map_err(|error| match error.into_service_error() {
            DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_) => {
                VaultError::KeyRefused
            }
            error => VaultError::Kms(AwsError::from_sdk(error)),
        })?;
        if answer.key_id.as_deref() != Some(&key.provider_key) {
            return Err(VaultError::KeyRefused);
        }
        answer.plaintext.and_then(data_key).ok_or(VaultError::KeyRefused)
    }
}

fn encryption_context(tenant: TenantId) -> HashMap<String, String> {
    [("tenant", tenant.to_string()), ("purpose", PURPOSE.to_owned())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Takes the key out of KMS's answer, and wipes the answer.
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
    fn a_key_is_known_by_its_arn_or_its_id_and_an_alias_by_neither() {
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
