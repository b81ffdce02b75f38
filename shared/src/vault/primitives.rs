//! The two algorithms of the vault: HKDF-SHA-256 (RFC 5869) and AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST
//! SP 800-38D). The Wycheproof vectors run through exactly these functions.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Length of a key in bytes.
pub(super) const KEY: usize = 32;
/// Length of a nonce in bytes.
pub(super) const NONCE: usize = 12;
/// Length of a tag in bytes.
pub(super) const TAG: usize = 16;

/// A length above the limit of the algorithm: nearly 64 GiB of plaintext, or 8160 derived bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

/// The tag does not match key, nonce, associated data and ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAuthentic;

/// A pseudorandom key, from which others are expanded (RFC 5869).
pub(super) struct Hkdf(hkdf::Hkdf<Sha256>);

impl Hkdf {
    /// HKDF-Extract.
    pub(super) fn extract(salt: &[u8], input: &[u8]) -> Self {
        let (mut extracted, hkdf) = hkdf::Hkdf::<Sha256>::extract(Some(salt), input);
        extracted.as_mut_slice().zeroize();
        Self(hkdf)
    }

    /// HKDF-Expand. The info is the concatenated parts.
    pub(super) fn expand(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutOfRange> {
        self.0.expand_multi_info(info, output).map_err(|_| OutOfRange)
    }

    /// HKDF-Expand, to the length of a key.
    pub(super) fn key(&self, info: &[&[u8]]) -> Result<Zeroizing<[u8; KEY]>, OutOfRange> {
        let mut key = Zeroizing::new([0; KEY]);
        self.expand(info, key.as_mut_slice())?;
        Ok(key)
    }
}

/// Encrypts in place and returns the tag.
pub(super) fn encrypt(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    associated: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG], OutOfRange> {
    let cipher = Aes256Gcm::new(key.into());
    cipher.encrypt_inout_detached(nonce.into(), associated, text.into()).map(Into::into).map_err(|_| OutOfRange)
}

/// Verifies the tag, then decrypts in place; on an error the ciphertext stays unchanged.
pub(super) fn decrypt(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), NotAuthentic> {
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into()).map_err(|_| NotAuthentic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;

    #[test]
    fn aes_gcm_agrees_with_wycheproof() {
        let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
        let supported = |group: &&wycheproof::aead::TestGroup| {
            (group.key_size, group.nonce_size, group.tag_size) == (KEY * 8, NONCE * 8, TAG * 8)
        };
        let (mut valid, mut invalid) = (0, 0);
        for test in set.test_groups.iter().filter(supported).flat_map(|group| &group.tests) {
            let key: [u8; KEY] = test.key[..].try_into().unwrap();
            let nonce: [u8; NONCE] = test.nonce[..].try_into().unwrap();
            let tag: [u8; TAG] = test.tag[..].try_into().unwrap();
            let mut text = test.ct.to_vec();
            let opened = decrypt(&key, &nonce, &test.aad, &mut text, &tag);
            if test.result == TestResult::Invalid {
                assert_eq!((opened, &text[..]), (Err(NotAuthentic), &test.ct[..]), "{}: {}", test.tc_id, test.comment);
                invalid += 1;
            } else {
                assert_eq!((opened, &text[..]), (Ok(()), &test.pt[..]), "{}: {}", test.tc_id, test.comment);
                assert_eq!(encrypt(&key, &nonce, &test.aad, &mut text), Ok(tag), "{}: {}", test.tc_id, test.comment);
                assert_eq!(text, test.ct[..], "{}: {}", test.tc_id, test.comment);
                valid += 1;
            }
        }
        assert!(valid > 30 && invalid > 20, "{valid} valid, {invalid} invalid");
    }

    #[test]
    fn hkdf_agrees_with_wycheproof() {
        let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let mut output = vec![0; test.size];
            let hkdf = Hkdf::extract(&test.salt, &test.ikm);
            let (head, tail) = test.info.split_at(test.info.len() / 2);
            let expanded = hkdf.expand(&[head, tail], &mut output);
            if test.result == TestResult::Invalid {
                assert_eq!(expanded, Err(OutOfRange), "{}: {}", test.tc_id, test.comment);
                invalid += 1;
            } else {
                assert_eq!((expanded, &output[..]), (Ok(()), &test.okm[..]), "{}: {}", test.tc_id, test.comment);
                valid += 1;
            }
        }
        assert!(valid > 50 && invalid > 0, "{valid} valid, {invalid} invalid");
    }
}
