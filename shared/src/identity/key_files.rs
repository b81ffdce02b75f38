//! Signing keys in files, for local use: the configured one, and beside it a folder of the keys that rotations created.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::es256::PublicKey;
use super::signer::SignError;

/// Key files, each PKCS #8 in PEM.
pub struct KeyFiles {
    first: PublicKey,
    folder: PathBuf,
    loaded: Mutex<BTreeMap<String, EncodingKey>>,
}

impl KeyFiles {
    pub(super) fn open(path: &Path) -> Result<Self, SignError> {
        let (first, key) = read(path)?;
        let folder = path.parent().unwrap_or(Path::new(".")).join("signing-keys");
        Ok(Self { loaded: Mutex::new(BTreeMap::from([(first.thumbprint(), key)])), first, folder })
    }

    pub(super) fn first(&self) -> &PublicKey {
        &self.first
    }

    /// Returns the public half of the key of this `kid`, from its file.
    pub(super) fn public(&self, kid: &str) -> Result<PublicKey, SignError> {
        if kid == self.first.thumbprint() {
            return Ok(self.first.clone());
        }
        Ok(read(&self.path_of(kid)?)?.0)
    }

    /// Returns the key of this `kid`, read from its file where it was created since the start.
    pub(super) fn load(&self, kid: &str) -> Result<EncodingKey, SignError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = loaded.get(kid) {
            return Ok(key.clone());
        }
        let (_, key) = read(&self.path_of(kid)?)?;
        loaded.insert(kid.to_owned(), key.clone());
        Ok(key)
    }

    fn path_of(&self, kid: &str) -> Result<PathBuf, SignError> {
        // A thumbprint is base64url: it cannot lead out of the folder.
        if kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            Ok(self.folder.join(format!("{kid}.pem")))
        } else {
            Err(SignError::NoKey)
        }
    }

    pub(super) fn create(&self) -> Result<PublicKey, SignError> {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let der = der.map_err(|_| SignError::NotP256)?;
        let public = public_half(der.as_ref())?;
        let text = Zeroizing::new(STANDARD.encode(der.as_ref()));
        let pem = Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", *text));
        let file = self.folder.join(format!("{}.pem", public.thumbprint()));
        fs::create_dir_all(&self.folder)
            .and_then(|()| OpenOptions::new().create_new(true).write(true).mode(0o600).open(file))
            .and_then(|mut file| file.write_all(pem.as_bytes()))
            .map_err(|error| SignError::File(format!("a new key cannot be written: {error}")))?;
        Ok(public)
    }

    /// Deletes the file of a key that a rotation created. The configured key's is not among them.
    pub(super) fn discard(&self, key: &PublicKey) -> Result<(), SignError> {
        let file = self.folder.join(format!("{}.pem", key.thumbprint()));
        fs::remove_file(file).map_err(|error| SignError::File(format!("a discarded key cannot be deleted: {error}")))
    }
}

fn read(path: &Path) -> Result<(PublicKey, EncodingKey), SignError> {
    let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|error| SignError::File(error.to_string()))?;
    Ok((public_half(der.secret_pkcs8_der())?, EncodingKey::from_ec_der(der.secret_pkcs8_der())))
}

fn public_half(pkcs8: &[u8]) -> Result<PublicKey, SignError> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new());
    let pair = pair.map_err(|_| SignError::NotP256)?;
    PublicKey::from_point(pair.public_key().as_ref()).ok_or(SignError::NotP256)
}
