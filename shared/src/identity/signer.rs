//! Signs access tokens: by a KMS key, by a key file (local), or with the HS256 secret. Only the auth function has one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::es256::{self, PublicKey};
use super::token::Claims;
use crate::aws::{self, AwsError};
use crate::config::{Config, expose};

/// What signs.
pub enum Signer {
    /// HMAC with the shared secret.
    Hs256(EncodingKey),
    /// A P-256 key in this process.
    Es256 {
        /// The private key.
        key: EncodingKey,
        /// Its public half.
        public: PublicKey,
    },
    /// A P-256 key that never leaves KMS.
    Kms {
        /// The client.
        client: Box<aws_sdk_kms::Client>,
        /// The key's id or ARN.
        key_id: String,
        /// Its public half.
        public: PublicKey,
    },
}

/// A token could not be signed, or the key not be used.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// KMS said no, or nothing.
    #[error("KMS: {0}")]
    Kms(#[from] AwsError),
    /// The key is of another kind.
    #[error("the signing key is not a P-256 key")]
    NotP256,
    /// The key file cannot be read.
    #[error("SIGNING_KEY_FILE cannot be read: {0}")]
    File(String),
    /// The claims or the key do not make a token.
    #[error("signing failed: {0}")]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

impl Signer {
    /// The signer that the configuration asks for; none where it names no key.
    pub async fn from_config(config: &Config) -> Result<Option<Self>, SignError> {
        es256::install();
        if let Some(key_id) = &config.signing_kms_key {
            let client = aws_sdk_kms::Client::new(aws::config().await);
            let answer = client
                .get_public_key()
                .key_id(key_id)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
            let der = answer.public_key.ok_or(SignError::NotP256)?;
            let public = PublicKey::from_spki(der.as_ref()).ok_or(SignError::NotP256)?;
            return Ok(Some(Self::Kms { client: Box::new(client), key_id: key_id.clone(), public }));
        }
        if let Some(path) = &config.signing_key_file {
            let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|error| SignError::File(error.to_string()))?;
            let pair = ring::signature::EcdsaKeyPair::from_pkcs8(
                &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                der.secret_pkcs8_der(),
                &ring::rand::SystemRandom::new(),
            );
            let pair = pair.map_err(|_| SignError::NotP256)?;
            let public = PublicKey::from_point(ring::signature::KeyPair::public_key(&pair).as_ref())
                .ok_or(SignError::NotP256)?;
            return Ok(Some(Self::Es256 { key: EncodingKey::from_ec_der(der.secret_pkcs8_der()), public }));
        }
        Ok(config.jwt_secret.as_ref().map(|secret| Self::Hs256(EncodingKey::from_secret(expose(secret)))))
    }

    /// The public half, to be registered so that the other functions can verify.
    pub fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Hs256(_) => None,
            Self::Es256 { public, .. } | Self::Kms { public, .. } => Some(public),
        }
    }

    /// Signs claims into an access token (`typ: at+jwt`, RFC 9068).
    pub async fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let header = |algorithm, public: Option<&PublicKey>| Header {
            typ: Some("at+jwt".to_owned()),
            kid: public.map(PublicKey::thumbprint),
            ..Header::new(algorithm)
        };
        match self {
            Self::Hs256(key) => Ok(jsonwebtoken::encode(&header(Algorithm::HS256, None), claims, key)?),
            Self::Es256 { key, public } => {
                Ok(jsonwebtoken::encode(&header(Algorithm::ES256, Some(public)), claims, key)?)
            }
            Self::Kms { client, key_id, public } => {
                let json = |value: serde_json::Result<Vec<u8>>| {
                    value.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).map_err(jsonwebtoken::errors::Error::from)
                };
                let message = format!(
                    "{}.{}",
                    json(serde_json::to_vec(&header(Algorithm::ES256, Some(public))))?,
                    json(serde_json::to_vec(claims))?
                );
                // KMS hashes what is at most 4096 bytes long, as an access token always is.
                let answer = client
                    .sign()
                    .key_id(key_id)
                    .message_type(aws_sdk_kms::types::MessageType::Raw)
                    .message(aws_sdk_kms::primitives::Blob::new(message.as_bytes()))
                    .signing_algorithm(aws_sdk_kms::types::SigningAlgorithmSpec::EcdsaSha256)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
                let signature =
                    answer.signature.and_then(|der| es256::from_der(der.as_ref())).ok_or(SignError::NotP256)?;
                Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
            }
        }
    }
}
