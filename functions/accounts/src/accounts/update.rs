//! `/accounts/{id}`: one account, from reading it to bringing it back.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Statement;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, search_key};
use holdfast_shared::web::{ApiResponse, Id, Json, RequestContext, double_option};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::metadata::Metadata;
use crate::accounts::{Account, columns};

pub(crate) static READ: Route = Route::get("/accounts/{id}", "account.read")
    .access(Access::Holder(Permission::AccountsRead))
    .summary("Reads an account.")
    .returns::<Account>();

pub(crate) static CHANGE: Route = Route::patch("/accounts/{id}", "account.update")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Changes the fields that are given; metadata is replaced as a whole.")
    .body::<Change>()
    .returns::<Account>()
    .rejects(&[Code::Conflict]);

pub(crate) static DELETE: Route = Route::delete("/accounts/{id}", "account.delete")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Deletes an account; it can be restored for RETENTION_DAYS.");

pub(crate) static RESTORE: Route = Route::post("/accounts/{id}/restore", "account.restore")
    .access(Access::Holder(Permission::AccountsWrite))
    .summary("Brings a deleted account back, as it was; one that is live stays as it is.")
    .returns::<Account>()
    .rejects(&[Code::Conflict]);

const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN a.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN accounts a
         ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL AND request_allowed()"
);

/// The row is locked before its version is compared, so that of two writers the second sees what the first has done.
const UPDATE: &str = concat!(
    "WITH target AS (
        SELECT id, version FROM accounts
         WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL AND request_allowed() FOR UPDATE
    ), taken AS (
        SELECT FROM accounts WHERE tenant_id = current_tenant() AND name = $4 AND deleted_at IS NULL AND id <> $1
    ), a AS (
        UPDATE accounts SET name = coalesce($4, name), search_name = coalesce($5, search_name),
            owner = CASE WHEN $6 THEN $7 ELSE owner END, status = coalesce($8, status), metadata = coalesce($9, metadata),
            version = accounts.version + 1, updated_at = $3
          FROM target
         WHERE accounts.id = target.id AND ($2::bigint[] IS NULL OR target.version = ANY ($2)) AND NOT EXISTS (SELECT FROM taken)
        RETURNING accounts.*
    )
    SELECT ", columns!(), ", reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found'
            WHEN $2::bigint[] IS NOT NULL AND NOT EXISTS (SELECT FROM target WHERE version = ANY ($2)) THEN 'precondition_failed'
            WHEN a.id IS NULL THEN 'conflict' END)
      FROM (VALUES (1)) AS request LEFT JOIN a ON true"
);

const HIDE: &str = "WITH target AS (
        SELECT id, version FROM accounts
         WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL AND request_allowed() FOR UPDATE
    ), hidden AS (
        UPDATE accounts SET deleted_at = $3, updated_at = $3, version = accounts.version + 1 FROM target
         WHERE accounts.id = target.id AND ($2::bigint[] IS NULL OR target.version = ANY ($2)) RETURNING accounts.id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM hidden) THEN coalesce(release_quota('accounts'), release_quota('secrets', secrets_of($1)))
                WHEN EXISTS (SELECT FROM target) THEN reject('precondition_failed') ELSE reject('not_found') END";

/// Of the quotas is taken only where the account will be live again by it, with its secrets.
const UNHIDE: &str = concat!(
    "WITH target AS (
        SELECT * FROM accounts WHERE tenant_id = current_tenant() AND id = $1 AND request_allowed()
           AND (deleted_at IS NULL OR deleted_at > $2::timestamptz - make_interval(days => $3)) FOR UPDATE
    ), room AS MATERIALIZED (
        SELECT CASE WHEN NOT EXISTS (
                        SELECT FROM accounts o WHERE o.tenant_id = current_tenant() AND o.name = target.name AND o.deleted_at IS NULL)
                    THEN CASE WHEN reserve_quota('accounts')
                              THEN reserve_quota('secrets', secrets_of($1)) OR release_quota('accounts') IS NOT NULL END END AS taken
          FROM target WHERE deleted_at IS NOT NULL
    ), back AS (
        UPDATE accounts SET deleted_at = NULL, updated_at = $2, version = accounts.version + 1 FROM target, room
         WHERE accounts.id = target.id AND room.taken RETURNING accounts.*
    ), a AS (
        SELECT * FROM back UNION ALL SELECT * FROM target WHERE deleted_at IS NULL
    )
    SELECT ", columns!(), ", reject(CASE WHEN NOT EXISTS (SELECT FROM target) THEN 'not_found' WHEN a.id IS NULL THEN 'conflict' END)
      FROM (VALUES (1)) AS request LEFT JOIN a ON true"
);

/// The fields to change; at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountChange)]
pub(crate) struct Change {
    /// Its new name.
    name: Option<Label>,
    /// Its new owner; null for none.
    #[serde(default, deserialize_with = "double_option")]
    #[schema(value_type = Option<Label>)]
    #[expect(clippy::option_option, reason = "null takes the owner away, and nothing leaves it as it is")]
    owner: Option<Option<Label>>,
    /// Whether it is in use.
    status: Option<Status>,
    /// Its new metadata, which replaces all that it had.
    metadata: Option<Metadata>,
}

impl Change {
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("owner", self.owner.is_some()),
            ("status", self.status.is_some()),
            ("metadata", self.metadata.is_some()),
        ];
        given.into_iter().filter_map(|(field, given)| given.then_some(field)).collect()
    }
}

pub(crate) async fn read(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<ApiResponse, Problem> {
    let account: Account =
        request.transaction(&app).target("account_id", id.0).one(Statement::prepared(SELECT).bind(&id)).await?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}

pub(crate) async fn change(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
    Json(change): Json<Change>,
) -> Result<ApiResponse, Problem> {
    let fields = change.fields();
    if fields.is_empty() {
        return Err(Problem::field("body", "must name at least one field to change"));
    }
    let name = change.name.as_ref().map(Label::as_str);
    let search_name = name.map(search_key);
    let sets_owner = change.owner.is_some();
    let owner = change.owner.as_ref().and_then(Option::as_ref).map(Label::as_str);
    let status = change.status.map(Status::name);
    let metadata = change.metadata.as_ref().map(Metadata::to_json);
    let update = Statement::prepared(UPDATE)
        .bind(&id)
        .bind(&request.if_match.0)
        .bind(&request.now)
        .bind(&name)
        .bind(&search_name);
    let update = update.bind(&sets_owner).bind(&owner).bind(&status).bind(&metadata);
    let account: Account = request.transaction(&app).target("account_id", id.0).changes(fields).one(update).await?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}

pub(crate) async fn delete(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<NoContent, Problem> {
    let hide = Statement::new(HIDE).bind(&id).bind(&request.if_match.0).bind(&request.now);
    request.transaction(&app).target("account_id", id.0).execute(vec![hide]).await?;
    Ok(NoContent)
}

pub(crate) async fn restore(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<AccountId>,
) -> Result<ApiResponse, Problem> {
    let days = i32::from(app.config.retention_days);
    let unhide = Statement::new(UNHIDE).bind(&id).bind(&request.now).bind(&days);
    let account: Account = request.transaction(&app).target("account_id", id.0).one(unhide).await?;
    Ok(ApiResponse::ok(&account)?.version(account.version))
}
