//! The one error that HTTP callers see: problem details (RFC 9457). It never contains SQL, a file path, a secret or a
//! backtrace.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:ident, $title:literal, $detail:literal;)+) => {
        /// A kind of problem, as a word that programs can rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $(#[doc = $title] $variant),+ }

        impl Code {
            /// Every code of the API.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in responses and in the database's rejections.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }

            /// HTTP status.
            pub const fn status(self) -> StatusCode { match self { $(Self::$variant => StatusCode::$status),+ } }

            const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }

            /// Detail of a problem that nothing more is known of.
            const fn detail(self) -> &'static str { match self { $(Self::$variant => $detail),+ } }
        }
    };
}

// Variant = code, HTTP status, title, default detail.
codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST,
        "Invalid request", "The request is malformed.";
    ValidationFailed = "validation_failed", BAD_REQUEST,
        "Validation failed", "Some fields are invalid; see errors.";
    ReasonRequired = "reason_required", BAD_REQUEST,
        "Reason required", "Say in X-Reason why you write in this tenant: 1 to 256 characters, percent-encoded, without control or invisible ones.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED,
        "Authentication required", "Send a valid access token as a Bearer credential.";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED,
        "Invalid credentials", "Invalid credentials.";
    MfaRequired = "mfa_required", UNAUTHORIZED,
        "One-time code required", "A one-time code is required: send it as otp, or enrol at /auth/mfa/totp first.";
    ReauthenticationRequired = "reauthentication_required", UNAUTHORIZED,
        "Recent authentication required", "Authenticate again at /auth/step-up: the last time was over 300 seconds ago.";
    Forbidden = "forbidden", FORBIDDEN,
        "Forbidden", "This operation is not permitted.";
    JwtRequired = "jwt_required", FORBIDDEN,
        "User access token required", "Send a signed-in user's access token; API tokens are not accepted here.";
    TenantMismatch = "tenant_mismatch", FORBIDDEN,
        "Tenant mismatch", "X-Tenant-ID must be the credential's own tenant.";
    QuotaExceeded = "quota_exceeded", FORBIDDEN,
        "Quota exceeded", "The tenant's quota for this kind of resource is used up.";
    NotFound = "not_found", NOT_FOUND,
        "Not found", "Not found.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED,
        "Method not allowed", "The Allow header lists the methods of this resource.";
    Conflict = "conflict", CONFLICT,
        "Conflict", "The request conflicts with the current state of the resource.";
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED,
        "Precondition failed", "If-Match or If-None-Match does not match the resource's current version; read it again.";
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE,
        "Payload too large", "The request body is too large.";
    UriTooLong = "uri_too_long", URI_TOO_LONG,
        "Request target too long", "The path and the query are too long together: the limit is 2048 bytes.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE,
        "Unsupported media type", "Send the body as application/json in UTF-8.";
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY,
        "Idempotency key reused", "This Idempotency-Key was used for a different request.";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS,
        "Too many requests", "Too many attempts; wait before the next one.";
    Internal = "internal", INTERNAL_SERVER_ERROR,
        "Internal server error", "The request could not be completed; the log has the cause under this request id.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE,
        "Service unavailable", "A service that this request depends on is unavailable; try again.";
}

impl Code {
    /// The code of this name, as the database's rejections give it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `metadata.colour`.
    pub field: String,
    /// The rule that it breaks, for people.
    pub message: String,
}

/// A rejection or failure on its way to the caller. A handler returns it with `?`.
#[derive(Debug, Clone)]
pub struct Problem(Box<Fields>);

#[derive(Debug, Clone)]
struct Fields {
    code: Code,
    /// None for the code's default.
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
    audited: bool,
    reason: Option<&'static str>,
}

/// The body of every error response (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    /// URI of the kind of problem: `urn:holdfast:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// Kind of problem, for people.
    title: &'a str,
    /// HTTP status.
    status: u16,
    /// Explanation of this occurrence, for people.
    detail: &'a str,
    /// Kind of problem, for programs.
    code: Code,
    /// Request id, as in `X-Request-Id`.
    request_id: &'a str,
    /// Invalid fields, if validation failed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// Seconds after which a request to an unavailable service may be retried.
const RETRY_UNAVAILABLE: u32 = 1;

impl Problem {
    /// A problem of this kind, with the code's default detail: what a rejection by the database becomes.
    pub fn of(code: Code) -> Self {
        Self(Box::new(Fields {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after: (code == Code::Unavailable).then_some(RETRY_UNAVAILABLE),
            audited: false,
            reason: (code == Code::Unauthenticated).then_some("not_live"),
        }))
    }

    /// A problem of this kind, with a detail for people: a sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self::of(code);
        problem.0.detail = Some(detail.into());
        problem
    }

    /// 400: the request cannot be parsed.
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// 400: these fields are invalid.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::of(Code::ValidationFailed);
        problem.0.errors = errors;
        problem
    }

    /// 400: this one field is invalid.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::validation(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 401: the same detail whatever is wrong with the credential, so that callers learn nothing from it.
    pub fn unauthenticated() -> Self {
        let mut problem = Self::of(Code::Unauthenticated);
        problem.0.reason = None;
        problem
    }

    /// 404: also for resources of other tenants. The authorization layer names the route's resource in the detail.
    pub fn not_found() -> Self {
        Self::of(Code::NotFound)
    }

    /// 404 that names the resource: `Problem::missing("Account")` says "Account not found."
    pub fn missing(resource: &str) -> Self {
        Self::new(Code::NotFound, format!("{resource} not found."))
    }

    /// 409, with a detail that names the resource: "An account named X already exists."
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Code::Conflict, detail)
    }

    /// 429, with the seconds to wait.
    pub fn rate_limited(retry_after: u32) -> Self {
        let mut problem = Self::of(Code::RateLimited);
        problem.0.retry_after = Some(retry_after.max(1));
        problem
    }

    /// 500. The cause goes to the log, never to the caller.
    pub fn internal() -> Self {
        Self::of(Code::Internal)
    }

    /// 503, worth a retry.
    pub fn unavailable() -> Self {
        Self::of(Code::Unavailable)
    }

    /// 405. The router adds the allowed methods.
    pub fn method_not_allowed() -> Self {
        Self::of(Code::MethodNotAllowed)
    }

    /// The kind of problem.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The invalid fields, if validation failed.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// Sets the detail, if the problem has this code and no detail of its own: explains a rejection by the database.
    #[must_use]
    pub fn explain(mut self, code: Code, detail: impl FnOnce() -> String) -> Self {
        if self.0.code == code && self.0.detail.is_none() {
            self.0.detail = Some(detail());
        }
        self
    }

    /// Names the missing resource in the default detail of a 404: "Account not found."
    #[must_use]
    pub(crate) fn explain_missing(self, resource: &str) -> Self {
        self.explain(Code::NotFound, || format!("{resource} not found."))
    }

    /// Marks the rejection as written to the audit log.
    #[must_use]
    pub fn audited(mut self) -> Self {
        self.0.audited = true;
        self
    }

    /// Returns whether the rejection is already written to the audit log.
    pub fn is_audited(&self) -> bool {
        self.0.audited
    }

    /// Sets the label of the metric of failed authentication: one of a few words, and nothing that the caller sent.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// The label of the metric of failed authentication; default: the code's name.
    pub(crate) fn metric_reason(&self) -> &'static str {
        self.0.reason.unwrap_or(self.0.code.name())
    }

    /// The response to the caller.
    pub fn respond(&self, request_id: &str) -> Response {
        let Fields { code, detail, errors, retry_after, .. } = &*self.0;
        let body = ProblemBody {
            kind: format!("urn:holdfast:problem:{}", code.name()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.as_deref().unwrap_or(code.detail()),
            code: *code,
            request_id,
            errors,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if code.status() == StatusCode::UNAUTHORIZED {
            let challenge = match code {
                // RFC 9470, section 3.
                Code::ReauthenticationRequired => "Bearer error=\"insufficient_user_authentication\", max_age=300",
                _ => "Bearer",
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, (*seconds).into());
        }
        (code.status(), headers, body).into_response()
    }
}

/// Lets a handler return `Result<_, Problem>`: the problem travels as an extension to the outer middleware, which writes
/// the response.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(problem: &Problem) -> &str {
        problem.0.detail.as_deref().unwrap_or(problem.0.code.detail())
    }

    #[test]
    fn titles_have_no_full_stop_and_details_are_sentences() {
        for code in Code::ALL {
            assert!(!code.title().ends_with('.'), "{}", code.name());
            assert!(code.detail().ends_with('.'), "{}", code.name());
        }
    }

    #[test]
    fn a_detail_explains_only_a_problem_of_its_code_that_has_none() {
        let taken = || "An account named A already exists.".to_owned();
        assert_eq!(detail(&Problem::of(Code::Conflict).explain(Code::Conflict, taken)), taken());
        assert_eq!(detail(&Problem::not_found().explain(Code::Conflict, taken)), "Not found.");
        assert_eq!(detail(&Problem::missing("Account").explain(Code::NotFound, taken)), "Account not found.");
    }
}
