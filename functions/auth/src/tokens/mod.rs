//! `/auth/tokens`: the API tokens of the caller's tenant, or of the platform.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{TokenId, UserId};
use holdfast_shared::identity::api_token;
use holdfast_shared::permission::{Permission, Scope};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::Label;
use holdfast_shared::web::{ApiResponse, CURSOR, Id, Json, LIMIT, List, Page, RequestContext};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static LIST: Route = Route::get("/auth/tokens", "token.list")
    .access(Access::Holder(Permission::TokensRead))
    .jwt_only()
    .summary("Lists the API tokens that are not revoked, the oldest first.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<Token>>();

pub(crate) static CREATE: Route = Route::post("/auth/tokens", "token.create")
    .access(Access::Holder(Permission::TokensWrite))
    .jwt_only()
    .creates()
    .summary("Makes an API token; its text is shown here and never again.")
    .body::<NewToken>()
    .returns::<MadeToken>()
    .rejects(&[Code::QuotaExceeded]);

pub(crate) static REVOKE: Route = Route::delete("/auth/tokens/{id}", "token.revoke")
    .access(Access::Holder(Permission::TokensWrite))
    .jwt_only()
    .unconditional()
    .summary("Revokes an API token, at once.");

const SELECT: &str = "SELECT id, name, scopes, prefix, created_by, created_at, expires_at, last_used_at FROM api_tokens
     WHERE tenant_id = current_tenant() AND revoked_at IS NULL AND request_allowed() AND ($1::uuid IS NULL OR id > $1)
     ORDER BY id LIMIT $2";

const INSERT: &str = "INSERT INTO api_tokens (id, tenant_id, name, prefix, hash, scopes, created_by, created_at, expires_at)
    SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $7, $8 WHERE CASE WHEN request_allowed() THEN reserve_quota('api_tokens') END";

const END: &str = "WITH revoked AS (
        UPDATE api_tokens SET revoked_at = $2
         WHERE id = $1 AND tenant_id = current_tenant() AND revoked_at IS NULL AND request_allowed() RETURNING id)
    SELECT CASE WHEN EXISTS (SELECT FROM revoked) THEN release_quota('api_tokens') ELSE reject('not_found') END";

/// What a new token may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    name: Label,
    /// What it may do: a part of what its maker may.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// When it stops working by itself; never where this is left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A token just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken<'a> {
    /// Its id.
    id: TokenId,
    /// What it is for.
    name: &'a Label,
    /// What it may do.
    scopes: &'a [Scope],
    /// Its first characters, by which it is known again.
    prefix: &'a str,
    /// The token itself: shown here only.
    token: &'a str,
    /// When it was made.
    created_at: Time,
    /// When it stops working by itself.
    expires_at: Option<Time>,
}

/// A token as it is listed.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiToken)]
pub(crate) struct Token {
    /// Its id.
    id: TokenId,
    /// What it is for.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Its first characters, by which it is known again.
    prefix: String,
    /// Who made it; none for one that the deployment brought.
    created_by: Option<UserId>,
    /// When it was made.
    created_at: Time,
    /// When it stops working by itself.
    expires_at: Option<Time>,
    /// When it was last used, to the minute.
    last_used_at: Option<Time>,
}

impl FromRow for Token {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            scopes: row.try_get(2)?,
            prefix: row.try_get(3)?,
            created_by: row.try_get(4)?,
            created_at: row.try_get(5)?,
            expires_at: row.try_get(6)?,
            last_used_at: row.try_get(7)?,
        })
    }
}

pub(crate) async fn list(State(app): State<App>, request: RequestContext, page: Page) -> Result<ApiResponse, Problem> {
    let (after, rows) = (page.position::<TokenId>(0)?, page.rows());
    let tokens: Vec<Token> = request.transaction(&app).all(Statement::new(SELECT).bind(&after).bind(&rows)).await?;
    ApiResponse::ok(&page.list(tokens, |last| vec![last.id.to_string()]))
}

/// The scopes in the order of the contract, each once.
fn scopes_of(new: &NewToken, request: &RequestContext) -> Result<Vec<Scope>, Problem> {
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Problem::field("scopes", "must name at least one scope"));
    }
    let role = request.user()?.role;
    if let Some(scope) = scopes.iter().find(|scope| !role.may(scope.permission())) {
        return Err(Problem::new(Code::Forbidden, format!("Nobody gives away what they do not hold: {scope}.")));
    }
    Ok(scopes)
}

pub(crate) async fn create(
    State(app): State<App>,
    request: RequestContext,
    Json(new): Json<NewToken>,
) -> Result<ApiResponse, Problem> {
    if new.expires_at.is_some_and(|end| end <= request.now) {
        return Err(Problem::field("expires_at", "must be in the future"));
    }
    let scopes = scopes_of(&new, &request)?;
    let (id, claims) = (TokenId(app.rng.uuid(request.now)), request.user()?);
    let token = api_token::generate(claims.home(), &*app.rng);
    let (prefix, hash) = (api_token::shown(&token), api_token::hash(&token));
    let made = MadeToken {
        id,
        name: &new.name,
        scopes: &scopes,
        prefix: &prefix,
        token: token.expose_secret(),
        created_at: Time(request.now),
        expires_at: new.expires_at.map(Time),
    };
    let answer = ApiResponse::created(&format!("/auth/tokens/{id}"), &made)?.secret();
    let (name, names) = (new.name.as_str(), scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>());
    let insert = Statement::new(INSERT).bind(&id).bind(&name).bind(&prefix).bind(&hash).bind(&names);
    let insert = insert.bind(&claims.sub).bind(&request.now).bind(&new.expires_at);
    let changes = ["name", "scopes"].into_iter().chain(new.expires_at.map(|_| "expires_at"));
    request.transaction(&app).target("token_id", id.0).changes(changes).answer(insert, answer).await
}

pub(crate) async fn revoke(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<TokenId>,
) -> Result<NoContent, Problem> {
    let end = Statement::new(END).bind(&id).bind(&request.now);
    request.transaction(&app).target("token_id", id.0).execute(vec![end]).await?;
    Ok(NoContent)
}
