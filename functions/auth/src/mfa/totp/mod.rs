//! `/auth/mfa/totp`: one-time codes from an authenticator app (TOTP, RFC 6238).

pub(crate) mod codes;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod sealed;

use holdfast_shared::db::Sql;
use holdfast_shared::problem::{Code, Problem};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

/// A code from the authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// Six digits; to disable TOTP, a recovery code also works.
    #[schema(value_type = String, max_length = 64)]
    pub(crate) code: SecretString,
}

/// Consumes a code that was compared: one that was used before is a failed attempt.
pub(crate) const USE_CODE: Sql =
    Sql::prepared("SELECT CASE WHEN NOT use_otp($1, $2, $3, $4) THEN fail_own_attempt($4) END");

pub(crate) const NOT_SET_UP: &str = "TOTP is not set up.";

/// Replaces the detail of a 409 from the database.
fn conflict(problem: Problem, detail: &'static str) -> Problem {
    match problem.code() {
        Code::Conflict => Problem::new(Code::Conflict, detail).audited(),
        _ => problem,
    }
}
