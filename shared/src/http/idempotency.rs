//! `Idempotency-Key`: the same key and request within 24 hours get the first answer again.

use http::{HeaderMap, Method};
use ring::digest;

use crate::problem::Problem;

/// Looks for the answer kept under the key; run before the request's own statement.
pub(super) const FIND: &str = "SELECT refused, status, headers, body FROM idempotency_find($1, $2, $3)";

/// Keeps the answer; run after the request's own statement.
pub(super) const KEEP: &str = "SELECT idempotency_keep($1, $2, $3, $4, $5, $6)";

/// Reads the header: 1 to 255 visible ASCII characters, once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid_request("Idempotency-Key must be 1 to 255 visible ASCII characters.")),
    }
}

/// What makes two requests the same: method, path and body.
pub(super) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}
