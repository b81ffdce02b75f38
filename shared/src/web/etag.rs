//! Entity tags (RFC 9110, sections 8.8.3 and 13.1.1): a resource's version number in quotes.

use http::{HeaderMap, HeaderValue, header};

use crate::problem::Problem;

/// The versions that a request accepts; `None` accepts any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfMatch(pub Option<Vec<i64>>);

impl IfMatch {
    /// Reads `If-Match`. A weak tag never matches (RFC 9110, section 13.1.1).
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut versions = None::<Vec<i64>>;
        for value in headers.get_all(header::IF_MATCH) {
            let text = value.to_str().map_err(|_| malformed())?;
            if text.trim() == "*" {
                return Ok(Self(None));
            }
            for tag in text.split(',').map(str::trim) {
                let opaque = tag.strip_prefix("W/").unwrap_or(tag);
                let version = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
                // A weak tag, or one that is no version number, is well-formed but never matches.
                let version: Option<i64> = if tag.starts_with("W/") { None } else { version.parse().ok() };
                versions.get_or_insert_default().extend(version);
            }
        }
        Ok(Self(versions))
    }
}

/// Reads whether the resource of an upsert must exist (`If-Match`) or must not (`If-None-Match: *`).
pub(super) fn must_exist(headers: &HeaderMap) -> Result<Option<bool>, Problem> {
    let mut absent = headers.get_all(header::IF_NONE_MATCH).iter();
    match (headers.contains_key(header::IF_MATCH), absent.next(), absent.next()) {
        (present, None, _) => Ok(present.then_some(true)),
        (false, Some(value), None) if value.as_bytes().trim_ascii() == b"*" => Ok(Some(false)),
        (true, ..) => Err(Problem::invalid_request("Send If-Match or If-None-Match, not both.")),
        _ => Err(Problem::invalid_request("If-None-Match must be * here.")),
    }
}

fn malformed() -> Problem {
    Problem::invalid_request("If-Match must be * or a list of entity tags in quotes.")
}

/// Returns the entity tag of a version.
pub(super) fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<IfMatch> {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))]);
        IfMatch::read(&headers).ok()
    }

    #[test]
    fn tags_are_versions_in_quotes() {
        assert_eq!(read("\"3\""), Some(IfMatch(Some(vec![3]))));
        assert_eq!(read("\"3\", \"7\""), Some(IfMatch(Some(vec![3, 7]))));
        assert_eq!(read("*"), Some(IfMatch(None)));
        assert_eq!(read("W/\"3\""), Some(IfMatch(Some(vec![]))));
        assert_eq!(read("\"other\""), Some(IfMatch(Some(vec![]))));
        assert_eq!(read("3"), None);
        assert_eq!(read(""), None);
    }
}
