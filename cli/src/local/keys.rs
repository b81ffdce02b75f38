//! Keys of a local run, generated into the data folder once: the key pair for access tokens, the ones for audit seals and
//! backups, and the vault's key.

use std::path::Path;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_maintenance::AuditSigner;
use holdfast_shared::rng::Rng;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::credentials;
use super::settings::LocalSettings;
use crate::data_dir::DataDir;

const SIGNING_KEY: &str = "signing-key.pem";
const AUDIT_KEY: &str = "audit-key.pem";
const BACKUP_KEY: &str = "backup-key.pem";
/// Folder of audit seals.
const SEALS: &str = "seals";
const VAULT_KEY: &str = "vault-key";

/// Settings that replace a generated key.
const SIGNING_SETTINGS: [&str; 3] = ["SIGNING_KMS_KEY_ID", "SIGNING_KEY_FILE", "AUTH_JWT_SECRET"];
const AUDIT_SETTINGS: [&str; 2] = ["AUDIT_KMS_KEY_ID", "AUDIT_KEY_FILE"];
const BACKUP_SETTINGS: [&str; 2] = ["BACKUP_SIGNING_KMS_KEY_ID", "BACKUP_SIGNING_KEY_FILE"];
const SEALS_SETTINGS: [&str; 2] = ["AUDIT_SEALS_BUCKET", "AUDIT_SEALS_FOLDER"];
const VAULT_SETTINGS: [&str; 2] = ["VAULT_KMS_KEY_ID", "SECRET_ENCRYPTION_KEY"];

/// Generates the keys that the settings do not name. Returns a note if the vault key was lost.
pub(super) fn provide(dir: &DataDir, settings: &mut LocalSettings, rng: &dyn Rng) -> anyhow::Result<Option<String>> {
    let is_set = |settings: &LocalSettings, names: &[&str]| names.iter().any(|name| settings.get(name).is_some());
    if !is_set(settings, &SIGNING_SETTINGS) {
        if read(dir, SIGNING_KEY)?.is_none() {
            write(dir, SIGNING_KEY, &signing_key()?)?;
        }
        settings.provide("SIGNING_KEY_FILE", || dir.file(SIGNING_KEY).display().to_string());
    }
    if !is_set(settings, &AUDIT_SETTINGS) {
        if read(dir, AUDIT_KEY)?.is_none() {
            write(dir, AUDIT_KEY, &signing_key()?)?;
        }
        settings.provide("AUDIT_KEY_FILE", || dir.file(AUDIT_KEY).display().to_string());
    }
    if !is_set(settings, &BACKUP_SETTINGS) {
        if read(dir, BACKUP_KEY)?.is_none() {
            write(dir, BACKUP_KEY, &signing_key()?)?;
        }
        settings.provide("BACKUP_SIGNING_KEY_FILE", || dir.file(BACKUP_KEY).display().to_string());
    }
    if let Some(path) = settings.get("AUDIT_KEY_FILE").map(str::to_owned) {
        let id = AuditSigner::file(Path::new(&path))?.public.thumbprint();
        let former = settings.get("AUDIT_KEY_IDS").map(str::to_owned);
        settings.replace("AUDIT_KEY_IDS", former.into_iter().chain([id]).collect::<Vec<_>>().join(","));
    }
    if !is_set(settings, &SEALS_SETTINGS) {
        settings.provide("AUDIT_SEALS_FOLDER", || dir.file(SEALS).display().to_string());
    }
    if is_set(settings, &VAULT_SETTINGS) {
        return Ok(None);
    }
    let mut note = None;
    let key = if let Some(key) = read(dir, VAULT_KEY)? {
        key
    } else {
        if read(dir, credentials::FILE)?.is_some() {
            note = Some(format!(
                "{VAULT_KEY} was lost and has been recreated: secrets stored before cannot be decrypted."
            ));
        }
        let key = STANDARD.encode(rng.bytes::<32>());
        write(dir, VAULT_KEY, &key)?;
        key
    };
    settings.provide("SECRET_ENCRYPTION_KEY", || key.trim_end().to_owned());
    Ok(note)
}

/// Generates a P-256 key as a PKCS #8 PEM file (RFC 7468).
fn signing_key() -> anyhow::Result<String> {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| anyhow!("no signing key can be generated: the system provides no random bytes"))?;
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (at, letter) in STANDARD.encode(der.as_ref()).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(pem)
}

fn read(dir: &DataDir, name: &str) -> anyhow::Result<Option<String>> {
    dir.read(name).with_context(|| format!("{} cannot be read; check its permissions", dir.file(name).display()))
}

fn write(dir: &DataDir, name: &str, text: &str) -> anyhow::Result<()> {
    dir.write_private(name, text)
        .with_context(|| format!("{} cannot be written; check the folder", dir.file(name).display()))
}
