//! The key of backups: in KMS, where only the backup function may sign with it, or in a file for local use.

use std::path::{Path, PathBuf};

use aws_sdk_kms::Client;
use holdfast_shared::aws;
use holdfast_shared::config::{ConfigError, Settings, thumbprints};
use holdfast_shared::identity::document_signer::DocumentSigner;
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::identity::key_pins::KeyPins;

use crate::error::BackupError;

const KMS_KEY: &str = "BACKUP_SIGNING_KMS_KEY_ID";
const KEY_FILE: &str = "BACKUP_SIGNING_KEY_FILE";
const KEY_IDS: &str = "BACKUP_SIGNING_KEY_IDS";

/// The place of the key. It is opened when a backup is signed.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// A key in KMS, by its id or ARN.
    Kms(String),
    /// A PKCS #8 PEM file, for local use.
    File(PathBuf),
}

/// Signs the manifests of backups.
pub struct BackupSigner(DocumentSigner);

impl SigningKey {
    /// The key that the settings name; none if they name none.
    pub fn from_settings(settings: &Settings, deployed: bool) -> Result<Option<Self>, ConfigError> {
        match (settings.get(KMS_KEY), settings.get(KEY_FILE)) {
            (Some(key_id), _) => Ok(Some(Self::Kms(key_id.to_owned()))),
            (None, Some(_)) if deployed => {
                let fault = "a key of backups in a file is for APP_ENV=local";
                Err(ConfigError::new(KEY_FILE, fault, "use BACKUP_SIGNING_KMS_KEY_ID"))
            }
            (None, path) => Ok(path.map(|path| Self::File(path.into()))),
        }
    }

    /// Opens the key.
    pub async fn signer(&self) -> Result<BackupSigner, BackupError> {
        let key = match self {
            Self::Kms(key_id) => DocumentSigner::kms(Client::new(aws::config().await), key_id).await,
            Self::File(path) => DocumentSigner::file(path),
        };
        Ok(BackupSigner(key.map_err(|error| BackupError::SigningKey(error.to_string()))?))
    }
}

impl BackupSigner {
    /// Public half of the key.
    pub fn public(&self) -> &PublicKey {
        &self.0.public
    }

    pub(crate) async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BackupError> {
        self.0.sign(message).await.map_err(|error| BackupError::Sign(error.to_string()))
    }
}

/// The keys whose backups are restored: those that the settings name, never one that is found beside a backup.
pub fn pins(settings: &Settings, key: Option<&SigningKey>) -> Result<KeyPins, BackupError> {
    let mut named = thumbprints(settings, KEY_IDS)?;
    let mut kms_key = None;
    match key {
        Some(SigningKey::Kms(key_id)) => kms_key = Some(key_id.clone()),
        Some(SigningKey::File(path)) => named.push(thumbprint(path)?),
        None => {}
    }
    Ok(KeyPins::new(named, kms_key))
}

fn thumbprint(path: &Path) -> Result<String, BackupError> {
    let key = DocumentSigner::file(path).map_err(|error| BackupError::SigningKey(format!("{KEY_FILE}: {error}")))?;
    Ok(key.public.thumbprint())
}

/// Error of a backup that nothing could sign.
pub(crate) fn missing() -> BackupError {
    let fix = "set the id of an ECC_NIST_P256 KMS key of its own, or locally BACKUP_SIGNING_KEY_FILE";
    ConfigError::new(KMS_KEY, "nothing is set that can sign backups", fix).into()
}
