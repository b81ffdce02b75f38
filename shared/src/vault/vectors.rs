//! `docs/vault-vectors.json`, as the tests read it.

use serde_json::Value;

/// The file.
pub(super) fn load() -> Value {
    serde_json::from_str(include_str!("../../../docs/vault-vectors.json")).unwrap()
}

/// A field's bytes, which are written in hexadecimal.
pub(super) fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex(vector[field].as_str().unwrap())
}

/// The bytes that hexadecimal digits stand for.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The parts of a vector's context.
pub(super) fn context(vector: &Value) -> Vec<Vec<u8>> {
    vector["context"].as_array().unwrap().iter().map(|part| hex(part.as_str().unwrap())).collect()
}
