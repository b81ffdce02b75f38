//! `POST /accounts`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, search_key};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use serde::Deserialize;
use utoipa::ToSchema;

use super::metadata::Metadata;
use super::{Account, name_conflict};

pub(crate) static ROUTE: Route = Route::post("/accounts", "account.create")
    .access(Access::Holder(Permission::AccountsWrite))
    .creates()
    .summary("Create an account.")
    .body::<NewAccount>()
    .returns::<Account>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// Name, unique among the tenant's live accounts.
    name: Label,
    /// Person or team responsible for the account.
    owner: Option<Label>,
    /// Pairs of strings to store with the account.
    #[serde(default)]
    metadata: Metadata,
}

/// Quota is reserved only where the name is free. `ON CONFLICT` decides without a race and without an error which request
/// gets the name; the other one releases its reservation.
const INSERT: Sql = Sql::prepared(
    "WITH quota AS MATERIALIZED (
        SELECT CASE WHEN NOT EXISTS (
                        SELECT FROM accounts WHERE tenant_id = current_tenant() AND name = $2 AND deleted_at IS NULL)
                    THEN reserve_quota('accounts') END AS reserved
    ), created AS (
        INSERT INTO accounts (id, tenant_id, name, search_name, owner, metadata, created_at, updated_at)
        SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $6 FROM quota WHERE reserved
        ON CONFLICT (tenant_id, name) WHERE deleted_at IS NULL DO NOTHING RETURNING id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM created) THEN NULL
                WHEN reserved THEN coalesce(release_quota('accounts'), reject('conflict'))
                ELSE reject('conflict') END FROM quota",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(new): Json<NewAccount>,
) -> Result<ApiResponse, Problem> {
    let id = AccountId(app.rng.uuid(request.now));
    let account = Account {
        id,
        tenant_id: request.principal()?.home(),
        name: new.name.as_str().to_owned(),
        owner: new.owner.as_ref().map(|owner| owner.as_str().to_owned()),
        status: Status::Active.name().to_owned(),
        metadata: new.metadata.to_json(),
        version: 1,
        created_at: Time(request.now),
        updated_at: Time(request.now),
    };
    let response = ApiResponse::created(&format!("/accounts/{id}"), &account)?.version(account.version);
    let search_name = search_key(&account.name);
    let insert = INSERT
        .bind(&id)
        .bind(&account.name)
        .bind(&search_name)
        .bind(&account.owner)
        .bind(&account.metadata)
        .bind(&request.now);
    let owner = new.owner.is_some().then_some("owner");
    let metadata = (new.metadata != Metadata::default()).then_some("metadata");
    let given = std::iter::once("name").chain(owner).chain(metadata);
    let transaction = request.transaction(&app).target("account_id", id.0).changes(given);
    transaction.respond(insert, response).await.map_err(|problem| name_conflict(problem, &account.name))
}
