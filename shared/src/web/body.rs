//! JSON bodies, parsed strictly: the right content type, a size limit, no duplicate key, no unknown field, no NUL. Ambiguous
//! JSON is rejected (RFC 8259, section 4).

use std::collections::BTreeSet;
use std::fmt;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::RequestContext;
use crate::app::App;
use crate::problem::{Code, Problem};
use crate::route::MAX_BODY_BYTES;

/// Maximum depth of nesting.
const MAX_DEPTH: u8 = 16;

/// A JSON body of a known type.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let request = parts.extensions.get::<RequestContext>();
        let limit = request.map_or(MAX_BODY_BYTES, |request| request.route.max_body);
        let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: usize| length > limit) {
            return Err(too_large(limit));
        }
        let bytes = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large(limit)
            } else {
                Problem::invalid_request("The body is incomplete.")
            }
        })?;
        let bytes = bytes.to_bytes();
        if let Some(request) = request {
            request.saw_body(&bytes);
        }
        parse(&bytes).map(Self)
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("The limit of this body is {limit} bytes."))
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = || Problem::of(Code::UnsupportedMediaType);
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let text = values.next().and_then(|value| value.to_str().ok()).ok_or_else(unsupported)?;
    let (media_type, parameters) = text.split_once(';').map_or((text, ""), |(kind, rest)| (kind, rest.trim()));
    let utf8 = parameters.is_empty()
        || parameters.eq_ignore_ascii_case("charset=utf-8")
        || parameters.eq_ignore_ascii_case("charset=\"utf-8\"");
    let encoded = headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    if media_type.trim().eq_ignore_ascii_case("application/json") && utf8 && !encoded && values.next().is_none() {
        Ok(())
    } else {
        Err(unsupported())
    }
}

/// Checks that JSON is unambiguous: no duplicate key in an object, nothing after its end.
pub(crate) fn unambiguous(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end())
}

/// Parses JSON strictly, like every body.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    unambiguous(bytes).map_err(|error| Problem::invalid_request(format!("The body is not valid JSON: {error}.")))?;
    // Serde would take an array for an object, its items for the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::field("body", "must be an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // The syntax was checked above: what is wrong here is a value of another kind.
        let is_syntax = matches!(error.inner().classify(), Category::Syntax | Category::Eof);
        let rule = if is_syntax { OTHER_KIND.to_owned() } else { rule(&error.inner().to_string()) };
        Problem::field(if path == "." { "body".to_owned() } else { path }, rule)
    })
}

/// The rule that a value breaks, if serde does not say what it expected.
const OTHER_KIND: &str = "is not what this field takes";

/// Beginnings of serde's messages that go on with a value, which may be a secret: a code sent as a number, a password in the
/// place of a role.
const REPEATING: [&str; 5] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `", "unknown field `"];

/// The rule that a value breaks, from serde's message, without the value and without names of Rust types.
fn rule(message: &str) -> String {
    // serde_json appends line and column; the path is more precise.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let Some(start) = REPEATING.into_iter().find(|start| message.starts_with(start)) else { return message.to_owned() };
    let Some((_, expected)) = message.rsplit_once(", expected ") else { return OTHER_KIND.to_owned() };
    match start {
        "unknown variant `" => format!("must be {}", expected.replace('`', "")),
        "unknown field `" => format!("is unknown; known: {}", expected.trim_start_matches("one of ").replace('`', "")),
        _ => format!("must be {}", expected_kind(expected)),
    }
}

/// What serde expected, in JSON's words.
fn expected_kind(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        "string or map" | "variant identifier" => "a string",
        "option" => "a value",
        "unit" => "null",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with("tuple ") => "an array",
        _ if expected.starts_with("enum ") => "a string",
        _ => expected,
    }
}

/// Distinguishes a null field from an absent one: for `#[serde(deserialize_with)]` on an `Option<Option<T>>`.
pub fn double_option<'de, T: serde::Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Walks a JSON value and rejects what is ambiguous.
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH { Err(E::custom("nested too deeply")) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(E::custom("a NUL character")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(A::Error::custom("a NUL character"));
            }
            if !seen.insert(name) {
                return Err(A::Error::custom("a duplicate key"));
            }
            members.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }

    fn code(body: &str) -> &'static str {
        parse::<Sample>(body.as_bytes()).map_or_else(
            |problem| problem.code().name(),
            |sample| {
                drop((sample.name, sample.tags));
                "accepted"
            },
        )
    }

    #[test]
    fn ambiguous_json_is_rejected() {
        let deep = format!("{{\"name\":\"a\",\"tags\":{}{}}}", "[".repeat(40), "]".repeat(40));
        for (body, expected) in [
            (r#"{"name":"a"}"#, "accepted"),
            (r#"{"name":"a","name":"b"}"#, "invalid_request"),
            (r#"{"name":"a","tags":{"x":"1","x":"2"}}"#, "invalid_request"),
            (r#"{"name":"a\u0000b"}"#, "invalid_request"),
            (r#"{"name":"a"} {}"#, "invalid_request"),
            (r#"{"name":"a","other":1}"#, "validation_failed"),
            (r#"{"name":7}"#, "validation_failed"),
            (r"{}", "validation_failed"),
            (r"[]", "validation_failed"),
            ("", "invalid_request"),
            (&deep, "invalid_request"),
        ] {
            assert_eq!(code(body), expected, "{body}");
        }
        assert!(parse::<Sample>(b"{\"name\":\"\xff\"}").is_err());
    }

    /// Every kind of field that bodies have.
    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Kinds {
        text: String,
        flag: bool,
        small: u8,
        large: i64,
        optional: Option<u32>,
        list: Vec<String>,
        map: BTreeMap<String, u32>,
        role: Option<crate::permission::Role>,
        label: Option<crate::text::Label>,
        id: Option<uuid::Uuid>,
        password: Option<secrecy::SecretString>,
        nested: Option<Sample>,
    }

    #[test]
    fn no_error_repeats_a_value_or_names_a_rust_type() {
        let values = [
            "31337424242",
            "-31337424242",
            "31337.424242",
            "31337424242e300",
            "true",
            "null",
            r#""31337424242""#,
            r#""31337424242, expected a string""#,
            r#"["31337424242"]"#,
            r#"{"key31337424242":31337424242}"#,
            "[[]]",
            r#""31337424242 at line 7""#,
            r#""31337424242`, expected `""#,
        ];
        let fields =
            ["text", "flag", "small", "large", "optional", "list", "map", "role", "label", "id", "password", "nested"];
        let types =
            ["struct", "Kinds", "Sample", "tuple", "enum", "u8", "u32", "i64", "unit", "variant", "SecretString"];
        let mut rejected = 0;
        for (field, value) in fields.iter().flat_map(|field| values.map(|value| (field, value))) {
            let Err(problem) = parse::<Kinds>(format!("{{\"{field}\":{value}}}").as_bytes()) else { continue };
            rejected += 1;
            for message in problem.errors().iter().map(|error| &error.message) {
                assert!(
                    !message.contains("31337")
                        && !message.contains("invalid type")
                        && !message.contains("invalid value"),
                    "{field}: {message}"
                );
                let words: Vec<&str> = message.split(|letter: char| !letter.is_alphanumeric()).collect();
                assert!(types.iter().all(|name| !words.contains(name)), "{field}: {message}");
            }
        }
        assert!(rejected > 80, "{rejected}");
        for body in ["31337424242", r#""31337424242""#, "[31337424242]", "null", "true"] {
            let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.errors()[0].message, "must be an object", "{body}");
        }
    }
}
