//! `POST /auth/tokens`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::Sql;
use holdfast_shared::id::TokenId;
use holdfast_shared::identity::api_token;
use holdfast_shared::permission::{Permission, Scope};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::Label;
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) static ROUTE: Route = Route::post("/auth/tokens", "token.create")
    .access(Access::Admin(Permission::TokensWrite))
    .recent()
    .creates()
    .summary("Create an API token; its text is returned only here.")
    .body::<NewApiToken>()
    .returns::<CreatedApiToken>()
    .rejects(&[Code::QuotaExceeded]);

/// A new API token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiToken {
    /// Purpose of the token.
    name: Label,
    /// Permissions of the token: a subset of those of its creator.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// Time at which the token expires: at most `API_TOKEN_MAX_DAYS` (365) from now, which is the default.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// An API token that was just created.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiToken<'a> {
    /// Token id.
    id: TokenId,
    /// Purpose of the token.
    name: &'a Label,
    /// Permissions of the token.
    scopes: &'a [Scope],
    /// First characters of the token, by which it can be recognized.
    prefix: &'a str,
    /// Text of the token. Returned only here.
    token: &'a str,
    /// Time of creation.
    created_at: Time,
    /// Time at which the token expires.
    expires_at: Time,
}

const INSERT: Sql = Sql::prepared(
    "INSERT INTO api_tokens (id, tenant_id, name, prefix, hash, scopes, created_by, created_at, expires_at)
    SELECT $1, current_tenant(), $2, $3, $4, $5, $6, $7, $8 WHERE reserve_quota('api_tokens')",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(new): Json<NewApiToken>,
) -> Result<ApiResponse, Problem> {
    let max_days = app.config.api_token_max_days;
    let last_end = request.now + SignedDuration::from_hours(24 * i64::from(max_days));
    let expires_at = new.expires_at.unwrap_or(last_end);
    if expires_at <= request.now || expires_at > last_end {
        return Err(Problem::field(
            "expires_at",
            format!("must be in the future, and at most {max_days} days from now"),
        ));
    }
    let scopes = granted_scopes(&new, &request)?;
    let (id, claims) = (TokenId(app.rng.uuid(request.now)), request.user()?);
    let token = api_token::generate(claims.home(), &*app.rng);
    let (prefix, hash) = (api_token::shown(&token), api_token::hash(&token));
    let created = CreatedApiToken {
        id,
        name: &new.name,
        scopes: &scopes,
        prefix: &prefix,
        token: token.expose_secret(),
        created_at: Time(request.now),
        expires_at: Time(expires_at),
    };
    let response = ApiResponse::created(&format!("/auth/tokens/{id}"), &created)?.secret();
    let (name, scope_names) = (new.name.as_str(), scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>());
    let insert = INSERT
        .bind(&id)
        .bind(&name)
        .bind(&prefix)
        .bind(&hash)
        .bind(&scope_names)
        .bind(&claims.sub)
        .bind(&request.now)
        .bind(&expires_at);
    let changes = ["name", "scopes"].into_iter().chain(new.expires_at.map(|_| "expires_at"));
    request.transaction(&app).target("token_id", id.0).changes(changes).respond(insert, response).await
}

/// The scopes in the order of the contract, each once.
fn granted_scopes(new: &NewApiToken, request: &RequestContext) -> Result<Vec<Scope>, Problem> {
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Problem::field("scopes", "must name at least one scope"));
    }
    let role = request.user()?.role;
    if let Some(scope) = scopes.iter().find(|scope| !role.may(scope.permission())) {
        return Err(Problem::new(
            Code::Forbidden,
            format!("A token cannot have a scope that your role lacks: {scope}."),
        ));
    }
    Ok(scopes)
}
