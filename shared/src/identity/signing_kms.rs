//! Signing keys in KMS. The policy of the configured key allows the auth function alone to sign; each key that a rotation
//! creates carries the same policy and the same tags, so that no account-wide permission decides who may use it.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::SdkError;
use aws_sdk_kms::operation::schedule_key_deletion::ScheduleKeyDeletionError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec, Tag};

use super::es256::{self, PublicKey};
use super::signer::{NewKey, SignError};
use crate::aws::{self, AwsError};

/// Tag of the keys that rotations created: these alone may be deleted by Holdfast, never the configured one.
const MADE_BY: (&str, &str) = ("holdfast:made-by", "rotation");

/// Tags of AWS's own, which nobody else can set.
const RESERVED: &str = "aws:";

/// Days between the decision to delete a key and its deletion, in which an administrator can still cancel it: as many as KMS
/// allows.
pub const PENDING_DAYS: i32 = 30;

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
        let (policy, tags) = (self.policy().await?, self.tags().await?);
        let request = self.client.create_key().key_spec(KeySpec::EccNistP256).key_usage(KeyUsageType::SignVerify);
        // The check asks whether this role may change the policy, which it must not. The account's administrators may, as they
        // may change that of the configured key.
        let request = request.policy(policy).bypass_policy_lockout_safety_check(true).set_tags(Some(tags));
        let response = request.description("Signs access tokens (created by a rotation)").send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let metadata = response.key_metadata.ok_or(SignError::NotP256)?;
        self.public_half(metadata.arn.as_deref().unwrap_or(&metadata.key_id)).await
    }

    /// Returns whether a key in KMS has this public half, and the policy of the configured key.
    pub(super) async fn guards(&self, key_id: &str, public: &PublicKey) -> Result<bool, SignError> {
        let parsed = |policy: String| serde_json::from_str::<serde_json::Value>(&policy).ok();
        let (own, configured) = (self.policy_of(key_id).await?, self.policy().await?);
        let same = parsed(own).is_some_and(|own| Some(own) == parsed(configured));
        Ok(same && self.public_half(key_id).await?.public == *public)
    }

    /// Reads the policy of the configured key.
    async fn policy(&self) -> Result<String, SignError> {
        self.policy_of(&self.configured).await
    }

    async fn policy_of(&self, key_id: &str) -> Result<String, SignError> {
        let response = self.client.get_key_policy().key_id(key_id).policy_name("default").send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        response.policy.ok_or_else(|| SignError::Kms(AwsError::incomplete()))
    }

    /// Reads the tags of the configured key, which name its stack, and adds the one of rotations.
    async fn tags(&self) -> Result<Vec<Tag>, SignError> {
        let response = self.client.list_resource_tags().key_id(&self.configured).send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let (name, value) = MADE_BY;
        let made_by = Tag::builder().tag_key(name).tag_value(value).build();
        let made_by = made_by.map_err(|error| SignError::Kms(AwsError::from_sdk(error)))?;
        let own = |tag: &Tag| !tag.tag_key().starts_with(RESERVED) && tag.tag_key() != name;
        Ok(response.tags.unwrap_or_default().into_iter().filter(own).chain([made_by]).collect())
    }

    pub(super) async fn sign(&self, key: Option<&str>, message: &[u8]) -> Result<Vec<u8>, SignError> {
        // KMS hashes messages of at most 4096 bytes, which an access token never exceeds.
        let request = self.client.sign().key_id(key.unwrap_or(&self.configured)).message_type(MessageType::Raw);
        let request = request.message(Blob::new(message)).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let response = request.send().await.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        response.signature.and_then(|der| es256::from_der(der.as_ref())).ok_or(SignError::NotP256)
    }
}

/// Schedules the deletion of a key in [`PENDING_DAYS`]. A key whose deletion is pending already, or that is gone, is left as it
/// is.
///
/// # Errors
/// KMS rejected the request, or did not answer.
pub async fn schedule_deletion(client: &Client, key_id: &str) -> Result<(), AwsError> {
    let request = client.schedule_key_deletion().key_id(key_id).pending_window_in_days(PENDING_DAYS);
    match request.send().await.map_err(SdkError::into_service_error) {
        Ok(_)
        | Err(ScheduleKeyDeletionError::KmsInvalidStateException(_) | ScheduleKeyDeletionError::NotFoundException(_)) => {
            Ok(())
        }
        Err(error) => Err(AwsError::from_sdk(error)),
    }
}
