//! `/accounts`: the accounts of a tenant.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
mod metadata;
pub(crate) mod read;
pub(crate) mod restore;
pub(crate) mod update;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::{AccountId, TenantId};
use holdfast_shared::problem::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// An account of a tenant.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub(crate) struct Account {
    /// Account id.
    id: AccountId,
    /// Tenant that owns the account.
    tenant_id: TenantId,
    /// Name, unique among the tenant's live accounts.
    name: String,
    /// Person or team responsible for the account, as free text.
    owner: Option<String>,
    /// `active` or `suspended`.
    status: String,
    /// Pairs of strings that the tenant stores with the account.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    metadata: serde_json::Value,
    /// Version number: increases with each change, and is the `ETag`.
    version: i64,
    /// Time of creation.
    created_at: Time,
    /// Time of the last change.
    updated_at: Time,
}

/// The columns of [`Account`], from a table or subquery named `a`.
macro_rules! columns {
    () => {
        "a.id, a.tenant_id, a.name, a.owner, a.status, a.metadata, a.version, a.created_at, a.updated_at"
    };
}
use columns;

/// Names the account in the detail of a 404 from the database.
pub(crate) fn not_found(problem: Problem) -> Problem {
    match problem.code() {
        Code::NotFound => Problem::new(Code::NotFound, "Account not found.").audited(),
        _ => problem,
    }
}

/// Names the account in the detail of a 409 from the database: a name is the only conflict that an account can have.
fn name_conflict(problem: Problem, name: &str) -> Problem {
    match problem.code() {
        Code::Conflict => Problem::new(Code::Conflict, format!("An account named {name} already exists.")).audited(),
        _ => problem,
    }
}
