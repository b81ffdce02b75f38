//! The sealed format, byte by byte in `docs/vault-format.md`: the version, a salt, a commitment to the key, a nonce, the
//! ciphertext and its tag. It opens only under the data key, and in the place, that it was sealed for.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::encoding::encode;
use super::error::VaultError;
use super::primitives::{self, Hkdf, KEY, NONCE, TAG};
use crate::id::TenantId;
use crate::rng::Rng;

/// The format that is written, and its name in derivations and associated data.
const VERSION: u8 = 1;
const FORMAT: &[u8] = b"holdfast/vault/1";

const SALT: usize = 32;
const COMMITMENT: usize = 32;

/// Bytes that a sealed value is longer than its plaintext.
pub const OVERHEAD: usize = 1 + SALT + COMMITMENT + NONCE + TAG;

/// What a sealed value is for. Those of one purpose never open as another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A secret of an account. Context: the account's id, the secret's name. A stamp ties it to its version.
    Secret,
    /// The shared secret of a user's one-time codes. Context: the user's id.
    Totp,
    /// An answer kept under an idempotency key. Context: the actor's id, the key.
    Idempotency,
    /// The canary of backups. No context.
    Canary,
}

impl Purpose {
    /// Its name, as it goes into derivations and associated data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Totp => "totp",
            Self::Idempotency => "idempotency",
            Self::Canary => "canary",
        }
    }
}

/// The place that a value is sealed for: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) tenant: TenantId,
    pub(super) purpose: Purpose,
    pub(super) context: &'a [&'a [u8]],
}

impl Place<'_> {
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let tenant = self.tenant.0.as_bytes();
        let fixed = [FORMAT, self.purpose.name().as_bytes(), tenant];
        encode(&fixed.into_iter().chain(self.context.iter().copied()).collect::<Vec<_>>())
    }
}

/// What a data key and a salt give: the one value's own key, and what proves that this very key is meant.
struct Derived {
    key: Zeroizing<[u8; KEY]>,
    commitment: Zeroizing<[u8; COMMITMENT]>,
}

impl Derived {
    fn new(data_key: &DataKey, salt: &[u8; SALT], purpose: Purpose) -> Result<Self, VaultError> {
        let hkdf = Hkdf::extract(salt, data_key.expose());
        let expand = |part: &[u8]| hkdf.key(&[FORMAT, b"/", purpose.name().as_bytes(), b"/", part]);
        Ok(Self { key: expand(b"key")?, commitment: expand(b"commitment")? })
    }
}

/// Seals a plaintext.
pub(super) fn seal(
    data_key: &DataKey,
    place: &Place<'_>,
    plaintext: &[u8],
    rng: &dyn Rng,
) -> Result<Vec<u8>, VaultError> {
    seal_with(data_key, place, plaintext, &rng.bytes(), &rng.bytes())
}

fn seal_with(
    data_key: &DataKey,
    place: &Place<'_>,
    plaintext: &[u8],
    salt: &[u8; SALT],
    nonce: &[u8; NONCE],
) -> Result<Vec<u8>, VaultError> {
    let derived = Derived::new(data_key, salt, place.purpose)?;
    // Wiped afterwards, so that no plaintext stays behind should the encryption refuse its length.
    let mut text = Zeroizing::new(plaintext.to_vec());
    let tag = primitives::encrypt(&derived.key, nonce, &place.associated_data(), &mut text)?;
    Ok([[VERSION].as_slice(), salt, derived.commitment.as_slice(), nonce, &text, &tag].concat())
}

/// A sealed value, taken apart.
struct Parts<'a> {
    salt: &'a [u8; SALT],
    commitment: &'a [u8; COMMITMENT],
    nonce: &'a [u8; NONCE],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self, VaultError> {
        match sealed.split_first() {
            Some((&VERSION, rest)) => Self::after_version(rest).ok_or(VaultError::Tampered),
            Some((&other, _)) => Err(VaultError::UnknownVersion(other)),
            None => Err(VaultError::Tampered),
        }
    }

    fn after_version(rest: &'a [u8]) -> Option<Self> {
        let (salt, rest) = rest.split_first_chunk()?;
        let (commitment, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self { salt, commitment, nonce, ciphertext, tag })
    }
}

/// Opens a sealed value.
///
/// # Errors
/// [`VaultError::UnknownVersion`], [`VaultError::WrongKey`] or [`VaultError::Tampered`]: nothing is decrypted then.
pub(super) fn open(data_key: &DataKey, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let parts = Parts::of(sealed)?;
    let derived = Derived::new(data_key, parts.salt, place.purpose)?;
    if !bool::from(derived.commitment.ct_eq(parts.commitment)) {
        return Err(VaultError::WrongKey);
    }
    let mut text = Zeroizing::new(parts.ciphertext.to_vec());
    primitives::decrypt(&derived.key, parts.nonce, &place.associated_data(), &mut text, parts.tag)
        .map_err(|_| VaultError::Tampered)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
