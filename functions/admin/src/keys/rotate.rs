//! `/admin/keys`: the keys that sign access tokens and those that seal secrets, and their rotation.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::identity::signer::{NewKey, Rotation};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::vault::Vault;
use holdfast_shared::web::{ApiResponse, Json, List, RequestContext};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

pub(crate) static LIST: Route = Route::get("/admin/keys", "key.list")
    .access(Access::Admin(Permission::KeysRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Lists the signing keys, and the vault keys of the tenant chosen (else of the platform itself).")
    .returns::<List<Key>>();

pub(crate) static ROTATE: Route = Route::post("/admin/keys/rotate", "key.rotate")
    .access(Access::Admin(Permission::KeysRotate))
    .in_tenant()
    .creates()
    .summary("Brings in a new signing key, or a new vault key of the tenant chosen (else of every tenant, with its next secret).")
    .body::<RotationRequest>()
    .returns::<Key>()
    .rejects(&[Code::Conflict]);

const SELECT: &str = "SELECT 'signing', k.kid, k.created_at, k.activates_at, k.expires_at,
        CASE WHEN k.expires_at <= $1 THEN 'expired' WHEN k.activates_at > $1 THEN 'published'
             WHEN k.kid = (SELECT kid FROM active_signing_key($1)) THEN 'active' ELSE 'retiring' END
      FROM signing_keys k WHERE request_allowed()
    UNION ALL
    SELECT 'vault', 'v' || k.version, k.created_at, NULL, NULL, k.state FROM vault_keys k WHERE k.tenant_id = current_tenant() AND request_allowed()
    ORDER BY 1, 3, 2";

const ROTATE_SIGNING: &str = "SELECT rotate_signing_key($1, $2, $3, $4, $5, $6, $7)";

/// A key, by its public side.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// `signing` or `vault`.
    kind: String,
    /// A signing key's `kid`, or a vault key's version.
    id: String,
    /// `published` (known, and soon to sign), `active`, `retiring` (still verifies or opens) or `expired`.
    state: String,
    /// When it was made.
    created_at: Time,
    /// From when a signing key signs.
    activates_at: Option<Time>,
    /// When the last token that it signed has run out.
    expires_at: Option<Time>,
}

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            kind: row.try_get(0)?,
            id: row.try_get(1)?,
            created_at: row.try_get(2)?,
            activates_at: row.try_get(3)?,
            expires_at: row.try_get(4)?,
            state: row.try_get(5)?,
        })
    }
}

/// What to rotate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationRequest {
    /// Which kind of key.
    kind: Kind,
}

/// A kind of key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The key that signs access tokens.
    Signing,
    /// The data keys that seal secrets.
    Vault,
}

pub(crate) async fn list(State(app): State<App>, request: RequestContext) -> Result<ApiResponse, Problem> {
    let items: Vec<Key> = request.transaction(&app).all(Statement::new(SELECT).bind(&request.now)).await?;
    ApiResponse::ok(&List { items, next_cursor: None })
}

pub(crate) async fn rotate(
    State(app): State<App>,
    request: RequestContext,
    Json(rotation): Json<RotationRequest>,
) -> Result<ApiResponse, Problem> {
    match rotation.kind {
        Kind::Signing => rotate_signing(&app, &request).await,
        Kind::Vault => rotate_vault(&app, &request).await,
    }
}

async fn rotate_signing(app: &App, request: &RequestContext) -> Result<ApiResponse, Problem> {
    let none = || Problem::new(Code::Conflict, "Tokens are signed with AUTH_JWT_SECRET here; change it to rotate.");
    let signer = app.signer.as_ref().ok_or_else(none)?;
    let made = signer.create_key().await.map_err(|error| {
        tracing::error!(%error, "a signing key could not be made");
        Problem::unavailable()
    })?;
    let NewKey { public, provider_key } = made.ok_or_else(none)?;
    let Rotation { now, activates_at, old_expire_at } = Rotation::at(request.now);
    let kid = public.thumbprint();
    let key = Key {
        kind: "signing".to_owned(),
        id: kid.clone(),
        state: "published".to_owned(),
        created_at: Time(now),
        activates_at: Some(Time(activates_at)),
        expires_at: None,
    };
    let answer = ApiResponse::created("/admin/keys", &key)?;
    let statement = Statement::new(ROTATE_SIGNING).bind(&kid).bind(&public.x).bind(&public.y).bind(&provider_key);
    let statement = statement.bind(&now).bind(&activates_at).bind(&old_expire_at);
    request.transaction(app).changes(["signing"]).answer(statement, answer).await
}

const NEXT_VERSION: &str =
    "SELECT coalesce(max(version), 0) + 1 FROM vault_keys WHERE tenant_id = current_tenant() AND request_allowed()";
const ROTATE_VAULT: &str = "SELECT rotate_vault_key($1, $2, $3, $4, $5, $6)";
const RETIRE_VAULT: &str = "SELECT retire_vault_keys(NULL)";

struct NextVersion(i32);

impl FromRow for NextVersion {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get(0).map(Self)
    }
}

/// One tenant's new data key seals from now on. Of all tenants, the keys in use are retired, and the next value that is
/// sealed for each makes its new one.
async fn rotate_vault(app: &App, request: &RequestContext) -> Result<ApiResponse, Problem> {
    let key = |id: String, state: &str| Key {
        kind: "vault".to_owned(),
        id,
        state: state.to_owned(),
        created_at: Time(request.now),
        activates_at: Some(Time(request.now)),
        expires_at: None,
    };
    let answer = match (request.chosen_tenant, &app.vault) {
        (Some(tenant), Some(vault)) => {
            let NextVersion(version) = request.transaction(app).look_up().one(Statement::new(NEXT_VERSION)).await?;
            let made = vault.make_key(tenant, version).await?;
            let answer = ApiResponse::created("/admin/keys", &key(format!("v{version}"), "active"))?;
            let provider = made.provider.name();
            let rotate = Statement::new(ROTATE_VAULT).bind(&tenant).bind(&version).bind(&provider);
            let rotate = rotate.bind(&made.provider_key).bind(&made.wrapped).bind(&request.now);
            request.transaction(app).changes(["vault"]).answer(rotate, answer).await?
        }
        (Some(_), None) => {
            let none = "No vault is configured here: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY.";
            return Err(Problem::new(Code::Conflict, none));
        }
        (None, _) => {
            let answer = ApiResponse::created("/admin/keys", &key("next".to_owned(), "published"))?;
            request.transaction(app).changes(["vault"]).answer(Statement::new(RETIRE_VAULT), answer).await?
        }
    };
    // Other instances learn of it when they next set a secret, which is not sealed under a retired key.
    app.vault.iter().for_each(Vault::forget_active);
    Ok(answer)
}
