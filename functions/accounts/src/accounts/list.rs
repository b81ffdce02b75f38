//! `GET /accounts`: the tenant's accounts in pages, by age or by name.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::search_key;
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};

use super::{Account, columns};

pub(crate) static ROUTE: Route = Route::get("/accounts", "account.list")
    .access(Access::Holder(Permission::AccountsRead))
    .summary("List accounts, the oldest first; with a name prefix, by name.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Prefix of the account's name, in upper or lower case."),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` accounts.",
        ),
        QueryParameter::new("owner", ParameterKind::Text, "Only accounts of this owner."),
    ])
    .returns::<List<Account>>();

/// Unprepared: cursor and filters are optional.
pub(crate) const OLDEST_FIRST: Sql = Sql::unprepared(concat!(
    "SELECT ", columns!(), " FROM accounts a WHERE a.tenant_id = current_tenant() AND a.deleted_at IS NULL
        AND ($1::uuid IS NULL OR a.id > $1) AND ($2::text IS NULL OR a.status = $2) AND ($3::text IS NULL OR a.owner = $3)
      ORDER BY a.id LIMIT $4"
));

/// The last character of Unicode closes the range of names that begin with the prefix. Unprepared: cursor and filters are
/// optional.
pub(crate) const BY_PREFIX: Sql = Sql::unprepared(concat!(
    "SELECT ",
    columns!(),
    " FROM accounts a WHERE a.tenant_id = current_tenant() AND a.deleted_at IS NULL
        AND a.search_name >= $1 AND a.search_name < $1 || chr(1114111)
        AND ($2::text IS NULL OR (a.search_name, a.id) > ($2, $3::uuid))
        AND ($4::text IS NULL OR a.status = $4) AND ($5::text IS NULL OR a.owner = $5)
      ORDER BY a.search_name, a.id LIMIT $6"
));

pub(crate) async fn handle(
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
        let by_prefix = BY_PREFIX.bind(&prefix).bind(&name).bind(&id).bind(&status).bind(&owner).bind(&rows);
        let accounts: Vec<Account> = transaction.all(by_prefix).await?;
        page.list(accounts, |last| vec![search_key(&last.name), last.id.to_string()])
    } else {
        let id = page.position::<AccountId>(0)?;
        let oldest_first = OLDEST_FIRST.bind(&id).bind(&status).bind(&owner).bind(&rows);
        let accounts: Vec<Account> = transaction.all(oldest_first).await?;
        page.list(accounts, |last| vec![last.id.to_string()])
    };
    ApiResponse::ok(&list)
}
