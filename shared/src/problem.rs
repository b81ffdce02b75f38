//! The one error that HTTP callers see: RFC 9457 problem details. It never carries SQL, a path, a secret or a backtrace.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, as a word that programs can rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $(#[doc = $title] $variant),+ }

        impl Code {
            /// Every code of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in answers and in the database's verdicts.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }

            /// Its HTTP status.
            pub const fn status(self) -> StatusCode { match self { $(Self::$variant => StatusCode::$status),+ } }

            const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is malformed";
    ValidationFailed = "validation_failed", BAD_REQUEST, "A field is not valid";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid credential is required";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "The credentials are not right";
    MfaRequired = "mfa_required", UNAUTHORIZED, "A one-time code is required";
    Forbidden = "forbidden", FORBIDDEN, "Not permitted";
    JwtRequired = "jwt_required", FORBIDDEN, "This route takes a signed-in user's token only";
    TenantMismatch = "tenant_mismatch", FORBIDDEN, "X-Tenant-ID is not the credential's tenant";
    QuotaExceeded = "quota_exceeded", FORBIDDEN, "The tenant's quota is used up";
    NotFound = "not_found", NOT_FOUND, "Not found";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    Conflict = "conflict", CONFLICT, "It conflicts with what exists";
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "It changed since it was read";
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json";
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something failed on our side";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable";
}

impl Code {
    /// The code of this name, as the database's verdicts give it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// One field that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `metadata.colour`.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

/// A refusal or failure on its way to the caller. `?` carries it out of a handler.
#[derive(Debug, Clone)]
pub struct Problem(Box<Detail>);

#[derive(Debug, Clone)]
struct Detail {
    code: Code,
    sentence: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
    audited: bool,
    reason: Option<&'static str>,
}

/// The body of every error answer (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    /// A URI that names the kind of problem: `urn:holdfast:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, for people.
    detail: &'a str,
    /// What happened, for programs.
    code: Code,
    /// The request's id, as in `X-Request-Id`.
    request_id: &'a str,
    /// The refused fields, where validation failed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// Seconds after which an unavailable service is worth another try.
const RETRY_UNAVAILABLE: u32 = 1;

impl Problem {
    /// A problem of this kind, with a sentence for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = (code == Code::Unavailable).then_some(RETRY_UNAVAILABLE);
        Self(Box::new(Detail {
            code,
            sentence: detail.into(),
            errors: Vec::new(),
            retry_after,
            audited: false,
            reason: None,
        }))
    }

    /// 400: it cannot be read as a request.
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// 400: it reads well, but these fields are not valid.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(Code::ValidationFailed, "Some fields are not valid; see errors.");
        problem.0.errors = errors;
        problem
    }

    /// 400: this one field is not valid.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::validation(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 401: the same words whatever was wrong with the credential, so that nothing can be learnt from them.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Send a valid access token as a Bearer credential.")
    }

    /// 404: also for what belongs to another tenant.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such resource.")
    }

    /// 429, with the seconds to wait.
    pub fn rate_limited(retry_after: u32) -> Self {
        let mut problem = Self::new(Code::RateLimited, "Too many attempts; wait before the next one.");
        problem.0.retry_after = Some(retry_after.max(1));
        problem
    }

    /// 500. The cause goes to the log, never to the caller.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "The request could not be completed; the log has the details under this request id.")
    }

    /// 503, worth a retry.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable, "A service this request depends on cannot be reached; try again.")
    }

    /// 405. The router names the methods that are allowed.
    pub fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, "See the Allow header for what this resource takes.")
    }

    /// The problem that a verdict of the database stands for.
    pub fn of(code: Code) -> Self {
        match code {
            Code::Unauthenticated => Self::unauthenticated().because("not_live"),
            Code::InvalidCredentials => Self::new(code, "The tenant, username or password is not right."),
            Code::NotFound => Self::not_found(),
            Code::TenantMismatch => Self::new(code, "X-Tenant-ID must be the credential's own tenant."),
            Code::PreconditionFailed => {
                Self::new(code, "The resource is not at the version that If-Match names; read it again.")
            }
            Code::IdempotencyMismatch => Self::new(code, "This Idempotency-Key was used for another request."),
            Code::QuotaExceeded => Self::new(code, "The tenant holds as many of these as its quota allows."),
            other => Self::new(other, format!("{}.", other.title())),
        }
    }

    /// What happened, for programs.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Marks that the audit log already tells of this refusal.
    #[must_use]
    pub fn audited(mut self) -> Self {
        self.0.audited = true;
        self
    }

    /// Says why, for the metrics alone: one of a few words, and nothing that the caller sent.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// Why, for the metrics: what was said with [`Problem::because`], else the code's name.
    pub(crate) fn reason(&self) -> &'static str {
        self.0.reason.unwrap_or(self.0.code.name())
    }

    /// Whether the audit log already tells of this refusal.
    pub fn is_audited(&self) -> bool {
        self.0.audited
    }

    /// The answer for the caller.
    pub fn respond(&self, request_id: &str) -> Response {
        let body = ProblemBody {
            kind: format!("urn:holdfast:problem:{}", self.0.code.name()),
            title: self.0.code.title(),
            status: self.0.code.status().as_u16(),
            detail: &self.0.sentence,
            code: self.0.code,
            request_id,
            errors: &self.0.errors,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.0.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        (self.0.code.status(), headers, body).into_response()
    }
}

/// Lets a handler end in `Result<_, Problem>`: the problem rides as an extension to the one layer that writes it out.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
