//! JSON bodies, parsed strictly: the right content type, a size limit, no duplicate key, no unknown field, no NUL. Ambiguous
//! JSON is rejected (RFC 8259, section 4).

use std::collections::BTreeSet;
use std::fmt;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

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
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        // serde_json appends line and column; the path is more precise.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Problem::field(if path == "." { "body".to_owned() } else { path }, message)
    })
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
}
