//! The audit keys that a function trusts: those that its configuration names, the one in KMS included, which is asked once.

use aws_sdk_kms::Client;
use futures_util::FutureExt;
use tokio::sync::OnceCell;

use super::es256::PublicKey;
use crate::audit::PinnedKeys;
use crate::aws::{self, AwsError};
use crate::config::Config;

/// The pinned audit keys of a function.
#[derive(Debug)]
pub struct AuditPins {
    named: Vec<String>,
    kms_key: Option<String>,
    pins: OnceCell<PinnedKeys>,
}

impl AuditPins {
    /// The keys that the configuration names. Nothing is asked before they are used.
    pub fn from_config(config: &Config) -> Self {
        Self { named: config.audit_key_ids.clone(), kms_key: config.audit_kms_key.clone(), pins: OnceCell::new() }
    }

    /// Returns the pinned keys.
    ///
    /// # Errors
    /// KMS does not return the public half of the configured key.
    pub async fn get(&self) -> Result<&PinnedKeys, AwsError> {
        self.pins.get_or_try_init(|| self.load().boxed()).await
    }

    async fn load(&self) -> Result<PinnedKeys, AwsError> {
        let mut pins = PinnedKeys::new(self.named.iter().cloned());
        if let Some(key_id) = &self.kms_key {
            let response = Client::new(aws::config().await).get_public_key().key_id(key_id).send().await;
            let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
            let key = response.public_key.as_ref().and_then(|der| PublicKey::from_spki(der.as_ref()));
            pins.pin(&key.ok_or_else(AwsError::incomplete)?);
        }
        Ok(pins)
    }
}
