//! The audit key: in KMS, where only this function may sign with it, or in a file for local use. Never the key that signs
//! access tokens.

use std::path::Path;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use data_encoding::BASE64URL_NOPAD;
use holdfast_shared::audit::Seal;
use holdfast_shared::aws::{self, AwsError};
use holdfast_shared::config::{ConfigError, Settings};
use holdfast_shared::identity::es256::{self, PublicKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{MaintenanceError, TaskError};

/// Signs seals.
pub struct AuditSigner {
    key: PrivateKey,
    /// Public half of the key.
    pub public: PublicKey,
    /// ARN of the KMS key; none for a key in a file.
    pub provider_key: Option<String>,
}

enum PrivateKey {
    Kms(Client, String),
    File(Box<EcdsaKeyPair>),
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
        let response =
            client.get_public_key().key_id(key_id).send().await.map_err(|error| {
                MaintenanceError::AuditKey(AwsError::from_sdk(error.into_service_error()).to_string())
            })?;
        let public = response.public_key.as_ref().and_then(|der| PublicKey::from_spki(der.as_ref()));
        let public = public.ok_or_else(|| MaintenanceError::AuditKey("it is not a P-256 key".to_owned()))?;
        Ok(Self { key: PrivateKey::Kms(client, key_id.to_owned()), public, provider_key: response.key_id })
    }

    /// A PKCS #8 key in a PEM file.
    pub fn file(path: &Path) -> Result<Self, MaintenanceError> {
        let failed = |cause: String| MaintenanceError::AuditKey(format!("AUDIT_KEY_FILE: {cause}"));
        let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|error| failed(error.to_string()))?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random);
        let pair = pair.map_err(|_| failed("it is not a P-256 key".to_owned()))?;
        let public = PublicKey::from_point(pair.public_key().as_ref());
        let public = public.ok_or_else(|| failed("it is not a P-256 key".to_owned()))?;
        Ok(Self { key: PrivateKey::File(Box::new(pair)), public, provider_key: None })
    }

    /// Signs a seal: a compact JWS.
    pub(crate) async fn sign(&self, seal: &Seal) -> Result<String, TaskError> {
        let input = seal.signing_input(&self.public.thumbprint());
        let signature = match &self.key {
            PrivateKey::File(pair) => {
                let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).map_err(|_| TaskError::Sign)?;
                es256::low_s(signature.as_ref()).ok_or(TaskError::Sign)?
            }
            PrivateKey::Kms(client, key_id) => sign_with_kms(client, key_id, input.as_bytes()).await?,
        };
        Ok(format!("{input}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

/// Lets KMS hash and sign the message, which must not be longer than 4096 bytes. A seal is not: it names at most twelve
/// months.
async fn sign_with_kms(client: &Client, key_id: &str, message: &[u8]) -> Result<Vec<u8>, TaskError> {
    let response = client
        .sign()
        .key_id(key_id)
        .message_type(MessageType::Raw)
        .message(Blob::new(message))
        .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
        .send()
        .await
        .map_err(|error| TaskError::Kms(AwsError::from_sdk(error.into_service_error())))?;
    response.signature.and_then(|der| es256::from_der(der.as_ref())).ok_or(TaskError::Sign)
}
