//! `PATCH /accounts/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, search_key};
use holdfast_shared::web::{ApiResponse, Changes, Id, Patch, RequestContext, double_option};
use serde::Deserialize;
use utoipa::ToSchema;

use super::metadata::Metadata;
use super::{Account, columns, name_conflict, not_found};

pub(crate) static ROUTE: Route = Route::patch("/accounts/{id}", "account.update")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Update the given fields of an account; metadata is replaced as a whole.")
    .body::<AccountChange>()
    .returns::<Account>()
    .rejects(&[Code::Conflict]);

/// The fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    /// New name.
    name: Option<Label>,
    /// New owner; null removes the owner.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Label>)]
    #[expect(clippy::option_option, reason = "null removes the owner, and an absent field leaves it unchanged")]
    owner: Option<Option<Label>>,
    /// New status.
    status: Option<Status>,
    /// New metadata, which replaces all of the old.
    metadata: Option<Metadata>,
}

impl Changes for AccountChange {
    fn changed(&self) -> Vec<&'static str> {
        let fields = [
            ("name", self.name.is_some()),
            ("owner", self.owner.is_some()),
            ("status", self.status.is_some()),
            ("metadata", self.metadata.is_some()),
        ];
        fields.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

/// The row is locked before its version is compared, so that the second of two writers sees the first one's change.
const UPDATE: Sql = Sql::prepared(concat!(
    "WITH target AS (
        SELECT id, version FROM accounts
         WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL FOR UPDATE
    ), same_name AS (
        SELECT FROM accounts WHERE tenant_id = current_tenant() AND name = $4 AND deleted_at IS NULL AND id <> $1
    ), a AS (
        UPDATE accounts SET name = coalesce($4, name), search_name = coalesce($5, search_name),
            owner = CASE WHEN $6 THEN $7 ELSE owner END, status = coalesce($8, status), metadata = coalesce($9, metadata),
            version = accounts.version + 1, updated_at = $3
          FROM target
         WHERE accounts.id = target.id AND ($2::bigint[] IS NULL OR target.version = ANY ($2)) AND NOT EXISTS (SELECT FROM same_name)
        RETURNING accounts.*
    )
    SELECT ", columns!(), ", reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found'
            WHEN $2::bigint[] IS NOT NULL AND NOT EXISTS (SELECT FROM target WHERE version = ANY ($2)) THEN 'precondition_failed'
            WHEN a.id IS NULL THEN 'conflict' END)
      FROM (VALUES (1)) AS request LEFT JOIN a ON true"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
    Patch(change): Patch<AccountChange>,
) -> Result<ApiResponse, Problem> {
    let name = change.name.as_ref().map(Label::as_str);
    let search_name = name.map(search_key);
    let changes_owner = change.owner.is_some();
    let owner = change.owner.as_ref().and_then(Option::as_ref).map(Label::as_str);
    let status = change.status.map(Status::name);
    let metadata = change.metadata.as_ref().map(Metadata::to_json);
    let update = UPDATE
        .bind(&id)
        .bind(&request.if_match.0)
        .bind(&request.now)
        .bind(&name)
        .bind(&search_name)
        .bind(&changes_owner)
        .bind(&owner)
        .bind(&status)
        .bind(&metadata);
    let transaction = request.transaction(&app).target("account_id", id.0).changes(change.changed());
    let account: Account =
        transaction.one(update).await.map_err(|problem| name_conflict(not_found(problem), name.unwrap_or_default()))?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}
