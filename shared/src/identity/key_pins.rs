//! The public keys that a function trusts for one kind of document, such as audit seals or the manifests of backups: those
//! that its configuration names, the one in KMS included, which is asked once.

use aws_sdk_kms::Client;
use futures_util::FutureExt;
use tokio::sync::OnceCell;

use super::es256::PublicKey;
use super::key_files::KeyFiles;
use super::signer::SignError;
use crate::audit::PinnedKeys;
use crate::aws::{self, AwsError};
use crate::config::Config;

/// The pinned keys of one kind of document.
#[derive(Debug)]
pub struct KeyPins {
    named: Vec<String>,
    kms_key: Option<String>,
    pins: OnceCell<PinnedKeys>,
}

impl KeyPins {
    /// The keys with these thumbprints, and this one in KMS. Nothing is asked before they are used.
    pub fn new(named: Vec<String>, kms_key: Option<String>) -> Self {
        Self { named, kms_key, pins: OnceCell::new() }
    }

    /// The keys whose audit seals count.
    pub fn audit(config: &Config) -> Self {
        Self::new(config.audit_key_ids.clone(), config.audit_kms_key.clone())
    }

    /// The signing keys that a function trusts of itself: those that its configuration names. Whatever key the database names
    /// beside them needs a certificate of one of them: who can write to the database cannot sign in as anybody.
    ///
    /// # Errors
    /// The key file cannot be read.
    pub fn signing(config: &Config) -> Result<Self, SignError> {
        let mut named = config.signing_key_ids.clone();
        if let (None, Some(path)) = (&config.signing_kms_key, &config.signing_key_file) {
            named.push(KeyFiles::open(path)?.first().thumbprint());
        }
        Ok(Self::new(named, config.signing_kms_key.clone()))
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
