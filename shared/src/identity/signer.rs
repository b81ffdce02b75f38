//! Signs access tokens and creates signing keys: in KMS, in files (local), or neither under HS256. The database names the key
//! that signs, in the round trip that opens or refreshes the session, so that a rotation needs no restart.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;

use super::certificate;
use super::es256::{self, PublicKey};
use super::key_files::KeyFiles;
use super::keys::StoredSigningKey;
use super::signing_kms::SigningKms;
use super::token::{ACCESS_TOKEN_SECONDS, Claims, LEEWAY_SECONDS};
use crate::aws::AwsError;
use crate::config::Config;

/// Signer of access tokens.
pub enum Signer {
    /// HMAC with the shared secret.
    Hs256(EncodingKey),
    /// P-256 keys in files. Local use.
    Files(KeyFiles),
    /// P-256 keys that never leave KMS.
    Kms(SigningKms),
}

/// The active signing key, as the database names it.
#[derive(Debug, Clone)]
pub struct ActiveKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// ARN of the KMS key; none for a key in a file.
    pub provider_key: Option<String>,
}

/// A new signing key, to be registered so that the other functions can verify with it.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Public half.
    pub public: PublicKey,
    /// ARN of the KMS key; none for a key in a file.
    pub provider_key: Option<String>,
}

/// Times of a rotation.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// Time of the decision.
    pub now: Timestamp,
    /// Time from which the new key signs. It is published before: a function that has just reloaded its keys (at most every
    /// ten seconds) reloads it before the first token needs it.
    pub activates_at: Timestamp,
    /// Time at which the last tokens of the old keys have expired.
    pub old_expire_at: Timestamp,
}

impl Rotation {
    /// Computes the times of a rotation that is decided now.
    pub fn at(now: Timestamp) -> Self {
        let activates_at = now + PUBLISHED_BEFORE;
        let lifetime = SignedDuration::from_secs(ACCESS_TOKEN_SECONDS + LEEWAY_SECONDS);
        Self { now, activates_at, old_expire_at: activates_at + lifetime }
    }
}

/// Time for which a new key is published before it signs.
const PUBLISHED_BEFORE: SignedDuration = SignedDuration::from_secs(30);

/// A failure to sign a token, or to use or create a key.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// KMS rejected the request or did not answer.
    #[error("KMS: {0}")]
    Kms(#[from] AwsError),
    /// The key is of another kind.
    #[error("the signing key is not a P-256 key")]
    NotP256,
    /// A key file cannot be used.
    #[error("SIGNING_KEY_FILE: {0}")]
    File(String),
    /// A registered key is not guarded as the configured one is: it was made elsewhere, or its policy was changed.
    #[error("ALARM: the signing key {0} is registered, but was not made by a rotation; it is not used")]
    Foreign(String),
    /// No key is registered that could sign.
    #[error("no signing key is registered; run the migrate function")]
    NoKey,
    /// The claims or the key cannot be encoded as a token.
    #[error("signing failed: {0}")]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

impl Signer {
    /// Creates the signer that the configuration names; none where it names no key.
    pub async fn from_config(config: &Config) -> Result<Option<Self>, SignError> {
        es256::install();
        if let Some(key_id) = &config.signing_kms_key {
            return Ok(Some(Self::Kms(SigningKms::new(key_id).await)));
        }
        if let Some(path) = &config.signing_key_file {
            return Ok(Some(Self::Files(KeyFiles::open(path)?)));
        }
        Ok(config.jwt_secret.as_ref().map(|secret| Self::Hs256(EncodingKey::from_secret(secret.expose_secret()))))
    }

    /// Returns the configured key, to be registered as the first; none under HS256.
    pub async fn first_key(&self) -> Result<Option<NewKey>, SignError> {
        Ok(match self {
            Self::Hs256(_) => None,
            Self::Files(files) => Some(NewKey { public: files.first().clone(), provider_key: None }),
            Self::Kms(kms) => Some(kms.first_key().await?),
        })
    }

    /// Creates a key; none under HS256, which has no keys to rotate.
    pub async fn create_key(&self) -> Result<Option<NewKey>, SignError> {
        Ok(match self {
            Self::Hs256(_) => None,
            Self::Files(files) => Some(NewKey { public: files.create()?, provider_key: None }),
            Self::Kms(kms) => Some(kms.create_key().await?),
        })
    }

    /// Has the configured key certify a key that the database names, so that tokens of that key are accepted (a JWS, RFC
    /// 7515). The database's word is not enough: the private half must be as well guarded as that of the
    /// configured key, in KMS under the same policy, or in a file beside it.
    ///
    /// # Errors
    /// [`SignError::Foreign`] where it is not; [`SignError::Kms`] where KMS does not answer.
    pub async fn certify(&self, key: &StoredSigningKey) -> Result<String, SignError> {
        match (self, &key.provider_key) {
            (Self::Files(files), None) if files.public(&key.kid)? == key.public => {
                let input = certificate::signing_input(&files.first().thumbprint(), &key.public);
                let signature = jsonwebtoken::crypto::sign(
                    input.as_bytes(),
                    &files.load(&files.first().thumbprint())?,
                    Algorithm::ES256,
                )?;
                Ok(format!("{input}.{signature}"))
            }
            (Self::Kms(kms), Some(key_id)) if kms.guards(key_id, &key.public).await? => {
                let root = kms.first_key().await?.public.thumbprint();
                let input = certificate::signing_input(&root, &key.public);
                Ok(certificate::complete(&input, &kms.sign(None, input.as_bytes()).await?))
            }
            _ => Err(SignError::Foreign(key.kid.clone())),
        }
    }

    /// Deletes the file of a key that was created and is not registered. Returns false for a key in KMS, which only maintenance
    /// may delete.
    ///
    /// # Errors
    /// The file remains.
    pub fn discard_file(&self, key: &NewKey) -> Result<bool, SignError> {
        match self {
            Self::Files(files) => files.discard(&key.public).map(|()| true),
            Self::Hs256(_) | Self::Kms(_) => Ok(false),
        }
    }

    /// Signs claims into an access token (`typ: at+jwt`, RFC 9068) with the key that is active.
    pub async fn sign(&self, claims: &Claims, active: Option<&ActiveKey>) -> Result<String, SignError> {
        if let Self::Hs256(key) = self {
            return Ok(jsonwebtoken::encode(&header(Algorithm::HS256, None), claims, key)?);
        }
        let active = active.ok_or(SignError::NoKey)?;
        let header = header(Algorithm::ES256, Some(&active.kid));
        match self {
            Self::Hs256(_) => Err(SignError::NoKey),
            Self::Files(files) => Ok(jsonwebtoken::encode(&header, claims, &files.load(&active.kid)?)?),
            Self::Kms(kms) => {
                let message = format!("{}.{}", segment(&header)?, segment(claims)?);
                let signature = kms.sign(active.provider_key.as_deref(), message.as_bytes()).await?;
                Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
            }
        }
    }
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { typ: Some("at+jwt".to_owned()), kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

fn segment(value: &impl serde::Serialize) -> Result<String, SignError> {
    let json = serde_json::to_vec(value).map_err(jsonwebtoken::errors::Error::from)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
