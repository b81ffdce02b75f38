//! `/accounts/{id}/secrets`: the sealed values of an account.

pub(crate) mod delete;
pub(crate) mod list;
mod plaintext;
pub(crate) mod put;
pub(crate) mod read;
mod sealed;
pub(crate) mod value;
pub(crate) mod versions;

use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::AccountId;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::text::SecretName;
use holdfast_shared::web::{RequestContext, Transaction};
use serde::Serialize;
use utoipa::ToSchema;

/// A secret, without its value.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub(crate) struct Secret {
    /// Name, unique within the account.
    name: String,
    /// Number of the current version, and the `ETag`.
    version: i64,
    /// Time of creation.
    created_at: Time,
    /// Time at which the current version was created.
    updated_at: Time,
    /// Vault key that the current version is sealed under, as `/admin/keys` lists it.
    #[row(column = "key_version", with = "key_id")]
    key_id: String,
}

/// The id by which `/admin/keys` lists a version of the tenant's data key.
fn key_id(version: i32) -> String {
    format!("v{version}")
}

/// Starts the request's transaction, with the secret as its target in the audit log.
fn transaction<'a>(
    request: &'a RequestContext,
    app: &'a App,
    account: AccountId,
    name: &SecretName,
) -> Transaction<'a> {
    request.transaction(app).target("account_id", account.0).target_named("secret", name.as_str())
}

/// Names the secret or the account in the detail of a rejection by the database. A suspended account is the only conflict
/// that a secret can have.
fn rejection(problem: Problem) -> Problem {
    match problem.code() {
        Code::NotFound => Problem::new(Code::NotFound, "Secret not found.").audited(),
        Code::Conflict => {
            let detail = "The account is suspended: its secrets can be neither changed nor revealed.";
            Problem::new(Code::Conflict, detail).audited()
        }
        _ => problem,
    }
}
