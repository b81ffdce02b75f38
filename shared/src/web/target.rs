//! The request target: how long it may be, and the form in which its path is stored.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, PercentEncode, utf8_percent_encode};

use crate::problem::{Code, Problem};

/// Maximum length of a request target, in bytes and as [`stored_path`] encodes it. It bounds what a request can store: an
/// index of PostgreSQL takes no entry over 2704 bytes.
const MAX_BYTES: usize = 2048;

/// ASCII characters that neither a path nor a query contains unencoded (RFC 3986, appendix A), though callers send some of
/// them and [`Uri`] takes them. Whatever is not ASCII is encoded in any case.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Rejects a target over 2048 bytes with 414, before anything else is done with it.
pub(super) async fn limit(request: Request, next: Next) -> Response {
    match check(request.uri()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(uri: &Uri) -> Result<(), Problem> {
    let query = uri.query().map_or(0, |query| 1 + encoded_length(query));
    if encoded_length(uri.path()) + query > MAX_BYTES {
        return Err(Problem::of(Code::UriTooLong));
    }
    Ok(())
}

/// The path for logs and the audit log: percent-encoded, so that no invisible, look-alike or right-to-left character can
/// change how it reads (Unicode Technical Report 36, section 3).
pub(super) fn stored_path(uri: &Uri) -> String {
    encoded(uri.path()).to_string()
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NOT_IN_A_PATH)
}

fn encoded_length(text: &str) -> usize {
    encoded(text).map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(target: &str) -> Option<Code> {
        check(&target.parse().unwrap()).err().map(|problem| problem.code())
    }

    #[test]
    fn targets_hold_2048_bytes_of_path_and_query_together() {
        let filler = |length: usize| "a".repeat(length);
        for (target, fits) in [
            ("/".to_owned(), true),
            (format!("/{}", filler(2047)), true),
            (format!("/{}", filler(2048)), false),
            (format!("/?{}", filler(2046)), true),
            (format!("/?{}", filler(2047)), false),
            (format!("/{}?{}", filler(1000), filler(1046)), true),
            (format!("/{}?{}", filler(1000), filler(1047)), false),
            // Two bytes of UTF-8 are six when they are stored.
            (format!("/{}", "\u{e9}".repeat(341)), true),
            (format!("/{}", "\u{e9}".repeat(342)), false),
            (format!("/{}", filler(60_000)), false),
        ] {
            assert_eq!(outcome(&target), (!fits).then_some(Code::UriTooLong), "{} bytes", target.len());
        }
    }

    #[test]
    fn what_is_no_part_of_a_path_is_stored_encoded() {
        for (sent, stored) in [
            ("/accounts/7?q=1", "/accounts/7"),
            ("/accounts/%E2%80%AEabc", "/accounts/%E2%80%AEabc"),
            ("/accounts/\u{202e}abc", "/accounts/%E2%80%AEabc"),
            ("/accounts/\u{430}dmin", "/accounts/%D0%B0dmin"),
            ("/accounts/\u{200b}", "/accounts/%E2%80%8B"),
            ("/accounts/\"a\"", "/accounts/%22a%22"),
            ("/accounts/{id}|[1]", "/accounts/%7Bid%7D%7C%5B1%5D"),
            ("/accounts/-._~!$&'()*+,;=:@", "/accounts/-._~!$&'()*+,;=:@"),
        ] {
            assert_eq!(stored_path(&sent.parse().unwrap()), stored);
        }
    }
}
