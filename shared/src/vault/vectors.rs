//! Reads `docs/vault-vectors.json` for the tests.

use serde_json::Value;

/// Returns the content of the file.
pub(super) fn load() -> Value {
    serde_json::from_str(include_str!("../../../docs/vault-vectors.json")).unwrap()
}

/// Returns the bytes of a field, which is written in hexadecimal.
pub(super) fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex(vector[field].as_str().unwrap())
}

/// Decodes hexadecimal digits.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Returns the parts of the context of a vector.
pub(super) fn context(vector: &Value) -> Vec<Vec<u8>> {
    vector["context"].as_array().unwrap().iter().map(|part| hex(part.as_str().unwrap())).collect()
}
