//! `/accounts`: the list, and new accounts.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Statement;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::{Label, search_key};
use holdfast_shared::web::{ApiResponse, CURSOR, Json, LIMIT, List, Page, Params, RequestContext};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::metadata::Metadata;
use crate::accounts::{Account, columns};

pub(crate) static LIST: Route = Route::get("/accounts", "account.list")
    .access(Access::Holder(Permission::AccountsRead))
    .summary("Lists the tenant's accounts: the oldest first, or by name where a prefix is given.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Only accounts whose name begins so, whatever the case."),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` accounts.",
        ),
        QueryParameter::new("owner", ParameterKind::Text, "Only accounts of this owner."),
    ])
    .returns::<List<Account>>();

pub(crate) static CREATE: Route = Route::post("/accounts", "account.create")
    .access(Access::Holder(Permission::AccountsWrite))
    .creates()
    .summary("Makes an account.")
    .body::<NewAccount>()
    .returns::<Account>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

pub(crate) const IN_ORDER: &str = concat!(
    "SELECT ", columns!(), " FROM accounts a WHERE a.tenant_id = current_tenant() AND a.deleted_at IS NULL AND request_allowed()
        AND ($1::uuid IS NULL OR a.id > $1) AND ($2::text IS NULL OR a.status = $2) AND ($3::text IS NULL OR a.owner = $3)
      ORDER BY a.id LIMIT $4"
);

/// The last character of Unicode closes the range of names that begin with the prefix.
pub(crate) const BY_PREFIX: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM accounts a WHERE a.tenant_id = current_tenant() AND a.deleted_at IS NULL AND request_allowed()
        AND a.search_name >= $1 AND a.search_name < $1 || chr(1114111)
        AND ($2::text IS NULL OR (a.search_name, a.id) > ($2, $3::uuid))
        AND ($4::text IS NULL OR a.status = $4) AND ($5::text IS NULL OR a.owner = $5)
      ORDER BY a.search_name, a.id LIMIT $6"
);

/// Of the quota is taken only where the name is free. `ON CONFLICT` decides without a race and without an error who gets
/// the name; who loses it gives back what was taken.
const INSERT: &str = "WITH room AS MATERIALIZED (
        SELECT CASE WHEN request_allowed() AND NOT EXISTS (
                        SELECT FROM accounts WHERE tenant_id = current_tenant() AND name = $2 AND deleted_at IS NULL)
                    THEN reserve_quota('accounts') END AS taken
    ), made AS (
        INSERT INTO accounts (id, tenant_id, name, search_name, owner, metadata, created_at, updated_at)
        SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $6 FROM room WHERE taken
        ON CONFLICT (tenant_id, name) WHERE deleted_at IS NULL DO NOTHING RETURNING id
    )
    SELECT CASE WHEN EXISTS (SELECT FROM made) THEN NULL
                WHEN taken THEN coalesce(release_quota('accounts'), reject('conflict'))
                ELSE reject('conflict') END FROM room";

/// What a new account is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// Its name, unique among the tenant's live accounts.
    name: Label,
    /// Who answers for it.
    owner: Option<Label>,
    /// Pairs of strings to keep with it.
    #[serde(default)]
    metadata: Metadata,
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let status = params.parse::<Status>("status", "must be active or suspended")?.map(Status::name);
    let owner = params.text("owner");
    let rows = page.rows();
    let transaction = request.transaction(&app);
    let list = if let Some(prefix) = params.text("q").map(search_key) {
        let (name, id) = (page.position::<String>(0)?, page.position::<AccountId>(1)?);
        let statement = Statement::new(BY_PREFIX).bind(&prefix).bind(&name).bind(&id).bind(&status).bind(&owner);
        let accounts: Vec<Account> = transaction.all(statement.bind(&rows)).await?;
        page.list(accounts, |last| vec![search_key(&last.name), last.id.to_string()])
    } else {
        let id = page.position::<AccountId>(0)?;
        let statement = Statement::new(IN_ORDER).bind(&id).bind(&status).bind(&owner);
        let accounts: Vec<Account> = transaction.all(statement.bind(&rows)).await?;
        page.list(accounts, |last| vec![last.id.to_string()])
    };
    ApiResponse::ok(&list)
}

pub(crate) async fn create(
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
    let answer = ApiResponse::created(&format!("/accounts/{id}"), &account)?.version(account.version);
    let search_name = search_key(&account.name);
    let insert = Statement::prepared(INSERT).bind(&id).bind(&account.name).bind(&search_name).bind(&account.owner);
    let insert = insert.bind(&account.metadata).bind(&request.now);
    let given = [("name", true), ("owner", new.owner.is_some()), ("metadata", new.metadata != Metadata::default())];
    let given = given.into_iter().filter_map(|(field, given)| given.then_some(field));
    request.transaction(&app).target("account_id", id.0).changes(given).answer(insert, answer).await
}
