//! The audit key: in KMS, where only this function may sign with it, or in a file for local use. Never the key that signs
//! access tokens.

use std::path::Path;

use aws_sdk_kms::Client;
use data_encoding::BASE64URL_NOPAD;
use holdfast_shared::audit::Seal;
use holdfast_shared::aws;
use holdfast_shared::config::{ConfigError, Settings};
use holdfast_shared::identity::document_signer::{DocumentSignError, DocumentSigner};
use holdfast_shared::identity::es256::PublicKey;

use crate::error::{MaintenanceError, TaskError};

/// Signs seals.
pub struct AuditSigner {
    key: DocumentSigner,
    /// Public half of the key.
    pub public: PublicKey,
    /// ARN of the KMS key; none for a key in a file.
    pub provider_key: Option<String>,
}

impl AuditSigner {
    /// The signer that the settings name.
    pub(crate) async fn from_settings(settings: &Settings, deployed: bool) -> Result<Self, MaintenanceError> {
        if let Some(key_id) = settings.get("AUDIT_KMS_KEY_ID") {
            return Self::kms(Client::new(aws::config().await), key_id).await;
        }
        match settings.get("AUDIT_KEY_FILE") {
            Some(_) if deployed => {
                let fault = "an audit key in a file is for APP_ENV=local";
                Err(ConfigError::new("AUDIT_KEY_FILE", fault, "use AUDIT_KMS_KEY_ID").into())
            }
            Some(path) => Self::file(Path::new(path)),
            None => {
                let fix = "set the id of an ECC_NIST_P256 KMS key of its own, or locally AUDIT_KEY_FILE";
                Err(ConfigError::new("AUDIT_KMS_KEY_ID", "nothing is set that can sign audit seals", fix).into())
            }
        }
    }

    /// A key in KMS.
    pub async fn kms(client: Client, key_id: &str) -> Result<Self, MaintenanceError> {
        let key = DocumentSigner::kms(client, key_id).await;
        Ok(Self::from(key.map_err(|error| MaintenanceError::AuditKey(error.to_string()))?))
    }

    /// A PKCS #8 key in a PEM file.
    pub fn file(path: &Path) -> Result<Self, MaintenanceError> {
        let key = DocumentSigner::file(path);
        Ok(Self::from(key.map_err(|error| MaintenanceError::AuditKey(format!("AUDIT_KEY_FILE: {error}")))?))
    }

    /// Signs a seal: a compact JWS. A seal is shorter than what a key signs: it names at most twelve months.
    pub(crate) async fn sign(&self, seal: &Seal) -> Result<String, TaskError> {
        let input = seal.signing_input(&self.public.thumbprint());
        let signature = self.key.sign(input.as_bytes()).await.map_err(|error| match error {
            DocumentSignError::Kms(error) => TaskError::Kms(error),
            _ => TaskError::Sign,
        })?;
        Ok(format!("{input}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

impl From<DocumentSigner> for AuditSigner {
    fn from(key: DocumentSigner) -> Self {
        Self { public: key.public.clone(), provider_key: key.provider_key.clone(), key }
    }
}
