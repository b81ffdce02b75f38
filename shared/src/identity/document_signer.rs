//! Signs documents, such as audit seals and the manifests of backups: with a key in KMS, or locally in a file. Each kind of
//! document has a key of its own, with which one function may sign; never the key that signs access tokens.

use std::path::Path;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::es256::{self, PublicKey};
use crate::aws::AwsError;

/// Limit of a message, in bytes: KMS hashes no longer one.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// A signer of documents, with ES256.
pub struct DocumentSigner {
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

/// A key that is unusable, or a signature that was not made.
#[derive(Debug, thiserror::Error)]
pub enum DocumentSignError {
    /// KMS rejected the request or did not answer.
    #[error("{0}")]
    Kms(#[from] AwsError),
    /// The key is of another kind.
    #[error("it is not a P-256 key")]
    NotP256,
    /// The file cannot be read.
    #[error("{0}")]
    File(String),
    /// The message is too long, or the key did not sign it.
    #[error("the key did not sign")]
    NotSigned,
}

impl DocumentSigner {
    /// A key in KMS.
    pub async fn kms(client: Client, key_id: &str) -> Result<Self, DocumentSignError> {
        let response = client.get_public_key().key_id(key_id).send().await;
        let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
        let public = response.public_key.as_ref().and_then(|der| PublicKey::from_spki(der.as_ref()));
        let public = public.ok_or(DocumentSignError::NotP256)?;
        Ok(Self { key: PrivateKey::Kms(client, key_id.to_owned()), public, provider_key: response.key_id })
    }

    /// A PKCS #8 key in a PEM file.
    pub fn file(path: &Path) -> Result<Self, DocumentSignError> {
        let der = PrivatePkcs8KeyDer::from_pem_file(path);
        let der = der.map_err(|error| DocumentSignError::File(error.to_string()))?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random);
        let pair = pair.map_err(|_| DocumentSignError::NotP256)?;
        let public = PublicKey::from_point(pair.public_key().as_ref()).ok_or(DocumentSignError::NotP256)?;
        Ok(Self { key: PrivateKey::File(Box::new(pair)), public, provider_key: None })
    }

    /// Signs a message of at most [`MAX_MESSAGE_BYTES`]; returns r and s, in the low-S form.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, DocumentSignError> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(DocumentSignError::NotSigned);
        }
        let signature = match &self.key {
            PrivateKey::File(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| DocumentSignError::NotSigned)?;
                es256::low_s(signature.as_ref())
            }
            PrivateKey::Kms(client, key_id) => {
                let request = client.sign().key_id(key_id).message_type(MessageType::Raw).message(Blob::new(message));
                let response = request.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send().await;
                let response = response.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
                response.signature.and_then(|der| es256::from_der(der.as_ref()))
            }
        };
        signature.ok_or(DocumentSignError::NotSigned)
    }
}
