//! `/accounts/{id}/secrets/{name}/versions`: the values that a secret had, and bringing one back as its newest.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::Purpose;
use holdfast_shared::web::{ApiResponse, CURSOR, Id, LIMIT, List, Name, Page, Params, RequestContext, Version};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::value::StoredVersion;
use super::{Secret, about, key_id, put, suspended, vault};

pub(crate) static LIST: Route = Route::get("/accounts/{id}/secrets/{name}/versions", "secret.versions")
    .access(Access::Holder(Permission::SecretsRead))
    .summary("Lists the secret's versions, the newest first, without their values.")
    .query(&[LIMIT, CURSOR])
    .returns::<List<SecretVersion>>();

pub(crate) static RESTORE: Route = Route::post("/accounts/{id}/secrets/{name}/versions/{n}/restore", "secret.restore")
    .access(Access::Holder(Permission::SecretsWrite))
    .conditional()
    .summary("Sets the secret to the value of an earlier version, as a new version.")
    .returns::<Secret>()
    .rejects(&[Code::Conflict]);

const LIVE_SECRET: &str = "SELECT reject('not_found') WHERE NOT EXISTS (
    SELECT FROM accounts a JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id
     WHERE a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL AND s.name = $2 AND s.deleted_at IS NULL)";

pub(crate) const NEWEST_FIRST: &str = "SELECT v.version, v.created_at, v.key_version, v.restored_from FROM secret_versions v
     WHERE v.tenant_id = current_tenant() AND v.account_id = $1 AND v.name = $2 AND request_allowed() AND ($3::bigint IS NULL OR v.version < $3)
     ORDER BY v.version DESC LIMIT $4";

const BRING_BACK: &str =
    "SELECT name, version, created_at, updated_at, key_version, sealed, stamp, is_text, provider, provider_key, wrapped
    FROM restore_secret($1, $2, $3, $4, $5, $6, $7, $8)";

/// A version of a secret: all but its value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretVersion {
    /// Its number.
    version: i64,
    /// When it was set.
    created_at: Time,
    /// The vault key that it is sealed under, as `/admin/keys` lists it.
    key_id: String,
    /// The version whose value it repeats, where it was made by restoring one.
    restored_from: Option<i64>,
}

impl FromRow for SecretVersion {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            version: row.try_get(0)?,
            created_at: row.try_get(1)?,
            key_id: key_id(row.try_get(2)?),
            restored_from: row.try_get(3)?,
        })
    }
}

/// What restoring comes to: done, or a value that has to be sealed anew first.
enum Restored {
    Done(Secret),
    Sealed(StoredVersion),
}

impl FromRow for Restored {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        match row.try_get::<_, Option<&[u8]>>("sealed")? {
            None => Secret::from_row(row).map(Self::Done),
            Some(_) => StoredVersion::from_row(row).map(Self::Sealed),
        }
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    _: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let (before, rows) = (page.position::<i64>(0)?, page.rows());
    let live = Statement::new(LIVE_SECRET).bind(&account).bind(&name);
    let newest_first = Statement::new(NEWEST_FIRST).bind(&account).bind(&name).bind(&before).bind(&rows);
    let versions: Vec<SecretVersion> = about(&request, &app, account, &name).first(live).all(newest_first).await?;
    ApiResponse::ok(&page.list(versions, |last| vec![last.version.to_string()]))
}

pub(crate) async fn restore(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    Version(version): Version,
) -> Result<ApiResponse, Problem> {
    let vault = vault(&app)?;
    let tenant = request.principal()?.home();
    put::check_token(&app, &request, vault, tenant).await?;
    let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
    let (key_version, key) = vault.binding_key(tenant, Purpose::Secret, &context).await?;
    let (key, keep) = (key.expose(), i64::from(app.config.secret_versions));
    let bring_back = Statement::new(BRING_BACK).bind(&account).bind(&name).bind(&version).bind(&request.if_match.0);
    let bring_back = bring_back.bind(&key_version).bind(&*key).bind(&keep).bind(&request.now);
    let transaction = about(&request, &app, account, &name).target_named("version", version).changes(["value"]);
    let secret = match transaction.one(bring_back).await.map_err(suspended)? {
        Restored::Done(secret) => secret,
        Restored::Sealed(stored) => {
            let plaintext = stored.open(&app, &request, account, &name).await?;
            put::store(&app, &request, account, &name, &plaintext, Some(version)).await?.secret
        }
    };
    Ok(ApiResponse::ok(&secret)?.version(secret.version))
}
