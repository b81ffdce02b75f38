//! Page cursors: the position where the next page starts, with a MAC (HMAC-SHA-256, truncated to 128 bits) over the tenant,
//! the list and its filters. Opaque to callers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::problem::Problem;

const TAG_BYTES: usize = 16;

/// Seals and opens the cursors of one query of one tenant.
pub struct CursorKey {
    key: hmac::Key,
    context: Vec<u8>,
}

impl CursorKey {
    /// Binds to these parts (tenant, path, filters), each with its length, so that their boundaries are unambiguous.
    pub fn new(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut context = Vec::new();
        for part in parts {
            context.extend_from_slice(&(part.len() as u64).to_be_bytes());
            context.extend_from_slice(part);
        }
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), context }
    }

    fn tag(&self, position: &[u8]) -> hmac::Tag {
        let mut signed = hmac::Context::with_key(&self.key);
        signed.update(&self.context);
        signed.update(position);
        signed.sign()
    }

    /// Returns the cursor of a position.
    pub fn seal(&self, position: &[String]) -> Option<String> {
        let mut bytes = serde_json::to_vec(position).ok()?;
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(tag.as_ref().get(..TAG_BYTES)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the position of a cursor.
    ///
    /// # Errors
    /// 400 if the cursor was not sealed for the same query.
    pub fn open(&self, cursor: &str) -> Result<Vec<String>, Problem> {
        let rejected = || Problem::field("cursor", "is not a cursor of this list");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| rejected())?;
        let (position, proof) =
            bytes.len().checked_sub(TAG_BYTES).and_then(|end| bytes.split_at_checked(end)).ok_or_else(rejected)?;
        let tag = self.tag(position);
        let expected = tag.as_ref().get(..TAG_BYTES).ok_or_else(rejected)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(proof, expected)) {
            return Err(rejected());
        }
        serde_json::from_slice(position).map_err(|_| rejected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_for_the_query_that_it_was_sealed_for() {
        let here = CursorKey::new(b"key", &[b"tenant", b"/accounts", b"status=active"]);
        let cursor = here.seal(&["7".to_owned()]).unwrap();
        assert_eq!(here.open(&cursor).unwrap(), ["7"]);
        for parts in [
            [&b"other"[..], b"/accounts", b"status=active"],
            [b"tenant", b"/admin/audit", b"status=active"],
            [b"tenant", b"/accounts", b""],
        ] {
            assert!(CursorKey::new(b"key", &parts).open(&cursor).is_err());
        }
        for at in 0..cursor.len() {
            let mut bent = cursor.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            assert!(here.open(&String::from_utf8(bent).unwrap()).is_err(), "byte {at}");
        }
    }
}
