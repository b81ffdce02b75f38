//! Encoding of associated data: a list of parts as one text, never the same for two lists.

/// PASETO's Pre-Authentication Encoding: the number of parts, then each part behind its length, as 64-bit little-endian
/// numbers. It can be decoded in one way only, so no two lists share an encoding.
pub(super) fn encode(parts: &[&[u8]]) -> Vec<u8> {
    let length = |bytes: usize| (bytes as u64).to_le_bytes();
    let mut encoded = Vec::with_capacity(8 + parts.iter().map(|part| 8 + part.len()).sum::<usize>());
    encoded.extend_from_slice(&length(parts.len()));
    for part in parts {
        encoded.extend_from_slice(&length(part.len()));
        encoded.extend_from_slice(part);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes a list.
    fn decode(encoded: &[u8]) -> Vec<Vec<u8>> {
        let number = |bytes: &[u8]| usize::try_from(u64::from_le_bytes(bytes.try_into().unwrap())).unwrap();
        let (count, mut rest) = encoded.split_at(8);
        let parts = (0..number(count)).map(|_| {
            let (length, tail) = rest.split_at(8);
            let (part, tail) = tail.split_at(number(length));
            rest = tail;
            part.to_vec()
        });
        let parts = parts.collect();
        assert!(rest.is_empty());
        parts
    }

    #[test]
    fn the_examples_of_paseto_are_encoded_as_published() {
        assert_eq!(encode(&[]), [0; 8]);
        assert_eq!(encode(&[b""]), *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(encode(&[b"test"]), *b"\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0test");
    }

    proptest! {
        #[test]
        fn every_list_can_be_decoded(parts in proptest::collection::vec(any::<Vec<u8>>(), 0..6)) {
            let borrowed: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(decode(&encode(&borrowed)), parts);
        }
    }
}
