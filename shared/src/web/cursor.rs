//! Page cursors: where the next page starts, with a proof (HMAC-SHA-256, 128 bits) that we wrote it for this tenant,
//! this list and these filters. Opaque to callers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::problem::Problem;

const TAG_BYTES: usize = 16;

/// What a cursor is bound to: writes and reads cursors for one query of one tenant.
pub struct CursorKey {
    key: hmac::Key,
    context: Vec<u8>,
}

impl CursorKey {
    /// Binds to parts (tenant, path, filters): each enters with its length, so that none runs into the next.
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

    /// The cursor of a position.
    pub fn seal(&self, position: &[String]) -> Option<String> {
        let mut bytes = serde_json::to_vec(position).ok()?;
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(tag.as_ref().get(..TAG_BYTES)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position of a cursor that we sealed for the same query; anything else is refused.
    pub fn open(&self, cursor: &str) -> Result<Vec<String>, Problem> {
        let refused = || Problem::field("cursor", "is not a cursor of this list");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
        let (position, proof) =
            bytes.len().checked_sub(TAG_BYTES).and_then(|end| bytes.split_at_checked(end)).ok_or_else(refused)?;
        let tag = self.tag(position);
        let expected = tag.as_ref().get(..TAG_BYTES).ok_or_else(refused)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(proof, expected)) {
            return Err(refused());
        }
        serde_json::from_slice(position).map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_where_it_was_made() {
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
