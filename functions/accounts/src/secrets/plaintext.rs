//! A secret's value as callers send it: text, or bytes in base64. Wiped when dropped, never printed, and no error repeats
//! any of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_shared::problem::{Code, Problem};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use zeroize::Zeroizing;

/// Maximum length of a value.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// Maximum length of a body with a value: each byte may be written as an escape of six characters, and there is room for
/// the rest.
pub(super) const MAX_BODY_BYTES: usize = 6 * MAX_BYTES + 4 * 1024;

/// A string of a body that is wiped when dropped.
struct Wiped(Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wiped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Wiped, E> {
                Ok(Wiped(Zeroizing::new(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Wiped, E> {
                Ok(Wiped(Zeroizing::new(text)))
            }
        }
        deserializer.deserialize_string(Text)
    }
}

/// New value of a secret: exactly one of the two fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecretValue {
    /// Value as text: up to 65536 bytes of UTF-8, without NUL.
    value: Option<Wiped>,
    /// Value as bytes, in base64 (RFC 4648, section 4): up to 65536 of them.
    value_base64: Option<Wiped>,
}

impl ToSchema for NewSecretValue {}

impl PartialSchema for NewSecretValue {
    fn schema() -> RefOr<Schema> {
        let either = |name: &str, text: ObjectBuilder, description: &str| {
            let text = text.schema_type(Type::String).description(Some(description));
            let body = ObjectBuilder::new().property(name, text).required(name);
            body.additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        let plain = ObjectBuilder::new().max_length(Some(MAX_BYTES)).pattern(Some(r"^[^\x00]*$"));
        let base64 = ObjectBuilder::new().max_length(Some(MAX_BYTES.div_ceil(3) * 4));
        let base64 =
            base64.pattern(Some("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"));
        let value = either("value", plain, "Value as text: up to 65536 bytes of UTF-8, without NUL.");
        let bytes =
            either("value_base64", base64, "Value as bytes, in base64 (RFC 4648, section 4): up to 65536 of them.");
        OneOfBuilder::new().item(value).item(bytes).description(Some("New value of a secret.")).into()
    }
}

/// An unsealed value.
pub(super) struct Plaintext {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) is_text: bool,
}

impl NewSecretValue {
    /// Decodes the value.
    ///
    /// # Errors
    /// 400 where not exactly one field is given or the base64 is invalid; 413 where the value is over 64 KiB.
    pub(super) fn parse(self) -> Result<Plaintext, Problem> {
        let (bytes, is_text) = match (self.value, self.value_base64) {
            (Some(Wiped(mut text)), None) => (std::mem::take(&mut *text).into_bytes(), true),
            (None, Some(Wiped(text))) => {
                let decoded = STANDARD.decode(text.as_bytes());
                (decoded.map_err(|_| Problem::field("value_base64", "must be base64, with padding"))?, false)
            }
            _ => return Err(Problem::field("body", "must have either value or value_base64")),
        };
        let bytes = Zeroizing::new(bytes);
        if bytes.len() > MAX_BYTES {
            return Err(Problem::new(Code::PayloadTooLarge, format!("A secret holds at most {MAX_BYTES} bytes.")));
        }
        Ok(Plaintext { bytes, is_text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> String {
        match serde_json::from_str::<NewSecretValue>(json) {
            Ok(value) => value.parse().map_or_else(
                |problem| problem.code().name().to_owned(),
                |plaintext| format!("{:?} {}", plaintext.bytes.escape_ascii().to_string(), plaintext.is_text),
            ),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_value_is_text_or_base64_and_never_both_or_neither() {
        for (json, expected) in [
            (r#"{"value":"a"}"#, r#""a" true"#),
            (r#"{"value":""}"#, r#""" true"#),
            (r#"{"value_base64":"AP8="}"#, r#""\\x00\\xff" false"#),
            (r#"{"value_base64":""}"#, r#""" false"#),
            (r#"{"value_base64":"AP8"}"#, "validation_failed"),
            (r#"{"value_base64":"_w=="}"#, "validation_failed"),
            (r#"{"value_base64":"AP9="}"#, "validation_failed"),
            (r#"{"value":"a","value_base64":"AP8="}"#, "validation_failed"),
            (r#"{"value":null}"#, "validation_failed"),
            ("{}", "validation_failed"),
        ] {
            assert_eq!(parse(json), expected, "{json}");
        }
    }

    #[test]
    fn a_value_has_at_most_64_kib() {
        for (length, expected) in [(MAX_BYTES, "accepted"), (MAX_BYTES + 1, "payload_too_large")] {
            let outcome =
                |value: NewSecretValue| value.parse().map_or_else(|problem| problem.code().name(), |_| "accepted");
            let text = NewSecretValue { value: Some(Wiped(Zeroizing::new("a".repeat(length)))), value_base64: None };
            assert_eq!(outcome(text), expected);
            let bytes = STANDARD.encode(vec![0; length]);
            assert_eq!(
                outcome(NewSecretValue { value: None, value_base64: Some(Wiped(Zeroizing::new(bytes))) }),
                expected
            );
        }
    }
}
