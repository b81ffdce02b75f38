//! `/accounts/{id}/secrets`: what an account keeps sealed. These routes tell of secrets and delete them, and never see a value.

pub(crate) mod plaintext;
pub(crate) mod put;
pub(crate) mod value;
pub(crate) mod versions;

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::Vault;
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Name, Page, Params, RequestContext, Transaction};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static LIST: Route = Route::get("/accounts/{id}/secrets", "secret.list")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("Lists the account's secrets by name, without their values.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<Secret>>();

pub(crate) static READ: Route = Route::get("/accounts/{id}/secrets/{name}", "secret.read")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("Reads what is known of a secret, without its value.")
    .returns::<Secret>();

pub(crate) static DELETE: Route = Route::delete("/accounts/{id}/secrets/{name}", "secret.delete")
    .access(Access::Holder(Permission::SecretsWrite))
    .summary("Deletes a secret with all its versions, for good. One set under the same name later goes on counting versions.")
    .rejects(&[Code::Conflict]);

/// Refuses where the account is not there, so that an empty list means that it has no secrets.
const LIVE_ACCOUNT: &str = "SELECT reject('not_found') WHERE NOT EXISTS (
    SELECT FROM accounts WHERE tenant_id = current_tenant() AND id = $1 AND deleted_at IS NULL)";

pub(crate) const BY_NAME: &str = "SELECT s.name, s.version, s.created_at, s.updated_at, v.key_version
      FROM secrets s JOIN secret_versions v USING (tenant_id, account_id, name, version)
     WHERE s.tenant_id = current_tenant() AND s.account_id = $1 AND s.deleted_at IS NULL AND request_allowed()
       AND ($2::text IS NULL OR s.name > $2)
     ORDER BY s.name LIMIT $3";

const SELECT: &str = "SELECT s.name, s.version, s.created_at, s.updated_at, v.key_version, reject(CASE WHEN s.name IS NULL THEN 'not_found' END)
      FROM (VALUES (1)) AS request
      LEFT JOIN accounts a ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL AND request_allowed()
      LEFT JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.name = $2 AND s.deleted_at IS NULL
      LEFT JOIN secret_versions v ON v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = s.version";

const REMOVE: &str = "SELECT delete_secret($1, $2, $3, $4)";

/// What is known of a secret: all but its value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Secret {
    /// Its name, unique within the account.
    pub(crate) name: String,
    /// Counts its values; its `ETag`.
    pub(crate) version: i64,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When its newest value was set.
    pub(crate) updated_at: Time,
    /// The vault key that its newest value is sealed under, as `/admin/keys` lists it.
    pub(crate) key_id: String,
}

/// The name by which `/admin/keys` lists a version of the tenant's data key.
pub(crate) fn key_id(version: i32) -> String {
    format!("v{version}")
}

impl FromRow for Secret {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            key_id: key_id(row.try_get("key_version")?),
        })
    }
}

/// The request's transaction about this secret.
pub(crate) fn about<'a>(
    request: &'a RequestContext,
    app: &'a App,
    account: AccountId,
    name: &SecretName,
) -> Transaction<'a> {
    request.transaction(app).target("account_id", account.0).target_named("secret", name.as_str())
}

/// What seals and opens.
pub(crate) fn vault(app: &App) -> Result<&Vault, Problem> {
    app.vault.as_ref().ok_or_else(|| {
        tracing::error!("secrets need the vault: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY");
        Problem::internal()
    })
}

/// The only conflict that a secret can have.
pub(crate) fn suspended(problem: Problem) -> Problem {
    match problem.code() {
        Code::Conflict => {
            Problem::new(Code::Conflict, "The account is suspended: its secrets are neither changed nor shown.")
                .audited()
        }
        _ => problem,
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    _: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (after, rows) = (page.position::<String>(0)?, page.rows());
    let transaction =
        request.transaction(&app).target("account_id", account.0).first(Statement::new(LIVE_ACCOUNT).bind(&account));
    let by_name = Statement::new(BY_NAME).bind(&account).bind(&after).bind(&rows);
    let secrets: Vec<Secret> = transaction.all(by_name).await?;
    ApiResponse::ok(&page.list(secrets, |last| vec![last.name.clone()]))
}

pub(crate) async fn read(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
) -> Result<ApiResponse, Problem> {
    let select = Statement::new(SELECT).bind(&account).bind(&name);
    let secret: Secret = about(&request, &app, account, &name).one(select).await?;
    Ok(ApiResponse::ok(&secret)?.version(secret.version))
}

pub(crate) async fn delete(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
) -> Result<NoContent, Problem> {
    let remove = Statement::new(REMOVE).bind(&account).bind(&name).bind(&request.if_match.0).bind(&request.now);
    about(&request, &app, account, &name).execute(vec![remove]).await.map_err(suspended)?;
    Ok(NoContent)
}
