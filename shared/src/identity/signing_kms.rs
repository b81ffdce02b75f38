//! Signing keys in KMS. Only the auth function has `kms:Sign`, only the admin function `kms:CreateKey`.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec, Tag};

use super::es256::{self, PublicKey};
use super::signer::{NewKey, SignError};
use crate::aws::{self, AwsError};

/// Tag of the keys that the auth function is allowed to sign with.
const PURPOSE: (&str, &str) = ("holdfast:purpose", "signing");

/// A KMS client, and the key that the configuration names.
pub struct SigningKms {
    client: Client,
    configured: String,
}

impl SigningKms {
    pub(super) async fn new(key_id: &str) -> Self {
        Self { client: Client::new(aws::config().await), configured: key_id.to_owned() }
    }

    pub(super) async fn first_key(&self) -> Result<NewKey, SignError> {
        self.public_half(&self.configured).await
    }

    async fn public_half(&self, key_id: &str) -> Result<NewKey, SignError> {
        let response = self.client.get_public_key().key_id(key_id).send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let der = response.public_key.ok_or(SignError::NotP256)?;
        let public = PublicKey::from_spki(der.as_ref()).ok_or(SignError::NotP256)?;
        Ok(NewKey { public, provider_key: Some(response.key_id.unwrap_or_else(|| key_id.to_owned())) })
    }

    pub(super) async fn create_key(&self) -> Result<NewKey, SignError> {
        let (name, value) = PURPOSE;
        let tag = Tag::builder().tag_key(name).tag_value(value).build();
        let tag = tag.map_err(|error| SignError::Kms(AwsError::from_sdk(error)))?;
        let request = self.client.create_key().key_spec(KeySpec::EccNistP256).key_usage(KeyUsageType::SignVerify);
        let response = request.description("Holdfast access tokens").tags(tag).send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let metadata = response.key_metadata.ok_or(SignError::NotP256)?;
        self.public_half(metadata.arn.as_deref().unwrap_or(&metadata.key_id)).await
    }

    pub(super) async fn sign(&self, key: Option<&str>, message: &[u8]) -> Result<Vec<u8>, SignError> {
        // KMS hashes messages of at most 4096 bytes, which an access token never exceeds.
        let request = self.client.sign().key_id(key.unwrap_or(&self.configured)).message_type(MessageType::Raw);
        let request = request.message(Blob::new(message)).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let response = request.send().await.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        response.signature.and_then(|der| es256::from_der(der.as_ref())).ok_or(SignError::NotP256)
    }
}
