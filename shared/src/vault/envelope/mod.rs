//! The sealed format, documented byte by byte in `docs/vault-format.md`: the version, a salt, a commitment to the key, a nonce,
//! the ciphertext and its tag. A value opens only under the data key and at the location that it was sealed for.

use subtle::ConstantTimeEq;
use tokio_postgres::types::{FromSql, Type};
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::encoding::encode;
use super::error::VaultError;
use super::primitives::{self, Hkdf, KEY, NONCE, TAG};
use crate::id::TenantId;
use crate::rng::Rng;

/// Version of the format, and its name in derivations and associated data.
const VERSION: u8 = 1;
const FORMAT: &[u8] = b"holdfast/vault/1";

const SALT: usize = 32;
const COMMITMENT: usize = 32;

/// Number of bytes by which a sealed value is longer than its plaintext.
pub const OVERHEAD: usize = 1 + SALT + COMMITMENT + NONCE + TAG;

/// Purpose of a sealed value. A value of one purpose never opens as one of another, and each purpose has data keys of its own:
/// a function can unwrap those of its purposes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A secret of an account. Context: the account's id, the secret's name. A tag binds it to its version.
    Secret,
    /// The TOTP secret of a user. Context: the user's id.
    Totp,
    /// A response kept under an idempotency key. Context: the actor's id, the key.
    Idempotency,
    /// The canary of backups. No context.
    Canary,
}

impl Purpose {
    /// The purposes whose data keys are rows of `vault_keys`; the canary carries its own.
    pub const STORED: [Self; 3] = [Self::Secret, Self::Totp, Self::Idempotency];

    /// Returns its name in derivations and associated data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Totp => "totp",
            Self::Idempotency => "idempotency",
            Self::Canary => "canary",
        }
    }
}

impl<'a> FromSql<'a> for Purpose {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let known = Self::STORED.into_iter().find(|purpose| purpose.name() == name);
        known.ok_or_else(|| format!("no data key has the purpose {name:?}").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// Location that a value is sealed for: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct VaultLocation<'a> {
    pub(super) tenant: TenantId,
    pub(super) purpose: Purpose,
    pub(super) context: &'a [&'a [u8]],
}

impl VaultLocation<'_> {
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let tenant = self.tenant.0.as_bytes();
        let fixed = [FORMAT, self.purpose.name().as_bytes(), tenant];
        encode(&fixed.into_iter().chain(self.context.iter().copied()).collect::<Vec<_>>())
    }
}

/// Derived from a data key and a salt: the key of one value, and a commitment to it.
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
    location: &VaultLocation<'_>,
    plaintext: &[u8],
    rng: &dyn Rng,
) -> Result<Vec<u8>, VaultError> {
    seal_with(data_key, location, plaintext, &rng.bytes(), &rng.bytes())
}

fn seal_with(
    data_key: &DataKey,
    location: &VaultLocation<'_>,
    plaintext: &[u8],
    salt: &[u8; SALT],
    nonce: &[u8; NONCE],
) -> Result<Vec<u8>, VaultError> {
    let derived = Derived::new(data_key, salt, location.purpose)?;
    // Wiped afterwards, so that no plaintext stays in memory where the encryption rejects its length.
    let mut text = Zeroizing::new(plaintext.to_vec());
    let tag = primitives::encrypt(&derived.key, nonce, &location.associated_data(), &mut text)?;
    Ok([[VERSION].as_slice(), salt, derived.commitment.as_slice(), nonce, &text, &tag].concat())
}

/// The parts of a sealed value.
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
pub(super) fn open(
    data_key: &DataKey,
    location: &VaultLocation<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let parts = Parts::of(sealed)?;
    let derived = Derived::new(data_key, parts.salt, location.purpose)?;
    if !bool::from(derived.commitment.ct_eq(parts.commitment)) {
        return Err(VaultError::WrongKey);
    }
    let mut text = Zeroizing::new(parts.ciphertext.to_vec());
    primitives::decrypt(&derived.key, parts.nonce, &location.associated_data(), &mut text, parts.tag)
        .map_err(|_| VaultError::Tampered)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
