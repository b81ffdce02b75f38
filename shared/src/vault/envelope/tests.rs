//! The format against its published vectors, and against every alteration of a sealed value.

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::rng::SeededRng;
use crate::vault::vectors::{self, bytes};

const ACCOUNT: [u8; 16] = [0xa1; 16];
const SECRET: VaultLocation<'static> = VaultLocation {
    tenant: TenantId(Uuid::from_u128(1)),
    purpose: Purpose::Secret,
    context: &[&ACCOUNT, b"name", b"1"],
};

fn data_key(number: u8) -> DataKey {
    DataKey::from_slice(&[number; KEY]).unwrap()
}

fn sealed(plaintext: &[u8]) -> Vec<u8> {
    seal(&data_key(1), &SECRET, plaintext, &SeededRng::new(1)).unwrap()
}

/// Reason for which the value does not open.
fn rejection(data_key: &DataKey, location: &VaultLocation<'_>, sealed: &[u8]) -> &'static str {
    open(data_key, location, sealed).map_or_else(|error| error.reason().unwrap(), |_| "opened")
}

fn with_location<T>(vector: &Value, check: impl FnOnce(&DataKey, &VaultLocation<'_>) -> T) -> T {
    let context = vectors::context(vector);
    let context: Vec<_> = context.iter().map(Vec::as_slice).collect();
    let purposes = [Purpose::Secret, Purpose::Totp, Purpose::Idempotency];
    let purpose = purposes.into_iter().find(|purpose| vector["purpose"] == purpose.name()).unwrap();
    let tenant = vector["tenant"].as_str().unwrap().parse().unwrap();
    check(
        &DataKey::from_slice(&bytes(vector, "data_key")).unwrap(),
        &VaultLocation { tenant, purpose, context: &context },
    )
}

#[test]
fn the_published_vectors_are_sealed_and_opened() {
    for vector in vectors::load()["sealed"].as_array().unwrap() {
        with_location(vector, |data_key, location| {
            let (salt, nonce) = (bytes(vector, "salt").try_into().unwrap(), bytes(vector, "nonce").try_into().unwrap());
            let derived = Derived::new(data_key, &salt, location.purpose).unwrap();
            assert_eq!(*derived.key, bytes(vector, "key")[..], "{}", vector["comment"]);
            assert_eq!(*derived.commitment, bytes(vector, "commitment")[..], "{}", vector["comment"]);
            assert_eq!(location.associated_data(), bytes(vector, "aad"), "{}", vector["comment"]);

            let (plaintext, sealed) = (bytes(vector, "plaintext"), bytes(vector, "sealed"));
            assert_eq!(
                seal_with(data_key, location, &plaintext, &salt, &nonce).unwrap(),
                sealed,
                "{}",
                vector["comment"]
            );
            assert_eq!(*open(data_key, location, &sealed).unwrap(), plaintext, "{}", vector["comment"]);
        });
    }
}

#[test]
fn the_published_rejections_have_the_reason_that_they_name() {
    for vector in vectors::load()["rejected"].as_array().unwrap() {
        let reason =
            with_location(vector, |data_key, location| rejection(data_key, location, &bytes(vector, "sealed")));
        assert_eq!(reason, vector["error"], "{}", vector["comment"]);
    }
}

#[test]
fn every_altered_byte_is_detected() {
    let sealed = sealed(b"correct horse battery staple");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            let expected = match at {
                0 => "unknown_version",
                1..=64 => "wrong_key",
                _ => "tampered",
            };
            assert_eq!(rejection(&data_key(1), &SECRET, &altered), expected, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_and_every_extension_is_detected() {
    let sealed = sealed(b"correct horse battery staple");
    for length in 0..sealed.len() {
        assert_eq!(rejection(&data_key(1), &SECRET, &sealed[..length]), "tampered", "{length} bytes");
    }
    assert_eq!(rejection(&data_key(1), &SECRET, &[&sealed[..], b"\0"].concat()), "tampered");
}

#[test]
fn a_value_opens_at_no_other_location() {
    let sealed = sealed(b"correct horse battery staple");
    let contexts: [&[&[u8]]; 8] = [
        &[&[0xb2; 16], b"name", b"1"],
        &[&ACCOUNT, b"nbme", b"1"],
        &[&ACCOUNT, b"name", b"2"],
        &[&ACCOUNT, b"nam", b"e1"],
        &[b"name", &ACCOUNT, b"1"],
        &[&ACCOUNT, b"name", b"1", b""],
        &[&ACCOUNT, b"name"],
        &[],
    ];
    for context in contexts {
        assert_eq!(rejection(&data_key(1), &VaultLocation { context, ..SECRET }, &sealed), "tampered", "{context:?}");
    }
    let elsewhere = VaultLocation { tenant: TenantId(Uuid::from_u128(2)), ..SECRET };
    assert_eq!(rejection(&data_key(1), &elsewhere, &sealed), "tampered");
    for purpose in [Purpose::Totp, Purpose::Idempotency] {
        assert_eq!(rejection(&data_key(1), &VaultLocation { purpose, ..SECRET }, &sealed), "wrong_key");
    }
    assert_eq!(rejection(&data_key(2), &SECRET, &sealed), "wrong_key");
    assert_eq!(*open(&data_key(1), &SECRET, &sealed).unwrap(), b"correct horse battery staple");
}

#[test]
fn a_plaintext_is_never_sealed_to_the_same_bytes_twice() {
    let rng = SeededRng::new(1);
    let mut sealed: Vec<_> = (0..1000).map(|_| seal(&data_key(1), &SECRET, b"", &rng).unwrap()[1..].to_vec()).collect();
    let (salts, nonces): (Vec<_>, Vec<_>) = sealed.iter().map(|bytes| (&bytes[..32], &bytes[64..76])).unzip();
    for mut column in [salts, nonces] {
        column.sort_unstable();
        column.dedup();
        assert_eq!(column.len(), 1000);
    }
    sealed.dedup();
    assert_eq!(sealed.len(), 1000);
}

#[test]
fn plaintexts_of_every_length_up_to_64_kib_are_restored() {
    for length in [0, 1, 15, 16, 17, 64 * 1024, 64 * 1024 + 1] {
        let plaintext = vec![0xa5; length];
        let sealed = sealed(&plaintext);
        assert_eq!(sealed.len(), length + OVERHEAD);
        assert_eq!(*open(&data_key(1), &SECRET, &sealed).unwrap(), plaintext);
    }
}

proptest! {
    #[test]
    fn every_plaintext_is_restored_and_only_at_its_location(
        plaintext: Vec<u8>, context in proptest::collection::vec(any::<Vec<u8>>(), 0..4), other in proptest::collection::vec(any::<Vec<u8>>(), 0..4),
        tenant: u128, seed: u64,
    ) {
        let (context, other): (Vec<_>, Vec<_>) = (context.iter().map(Vec::as_slice).collect(), other.iter().map(Vec::as_slice).collect());
        let location = VaultLocation { tenant: TenantId(Uuid::from_u128(tenant)), purpose: Purpose::Totp, context: &context };
        let sealed = seal(&data_key(3), &location, &plaintext, &SeededRng::new(seed)).unwrap();
        prop_assert_eq!(&*open(&data_key(3), &location, &sealed).unwrap(), &plaintext);
        prop_assert_eq!(open(&data_key(3), &VaultLocation { context: &other, ..location }, &sealed).is_ok(), context == other);
    }

    #[test]
    fn no_input_causes_a_panic(bytes: Vec<u8>) {
        prop_assert!(open(&data_key(1), &SECRET, &bytes).is_err());
        prop_assert!(open(&data_key(1), &SECRET, &[&[VERSION], &bytes[..]].concat()).is_err());
    }
}
