//! `POST /admin/keys/rotate`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Sql, Statement, rows_of};
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::signer::{NewKey, Rotation, Signer};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::vault::{Purpose, Vault};
use holdfast_shared::web::{ApiResponse, Json, Replayed, RequestContext};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ManagedKey;

pub(crate) static ROUTE: Route = Route::post("/admin/keys/rotate", "key.rotate")
    .access(Access::Admin(Permission::KeysRotate))
    .recent()
    .in_tenant()
    .creates()
    .summary(
        "Rotate the signing key, or the vault keys of the chosen tenant. If no tenant is chosen, every tenant gets new \
         vault keys with its next values.",
    )
    .body::<RotationRequest>()
    .returns::<ManagedKey>()
    .rejects(&[Code::Conflict]);

// Unprepared, all of them: rotations are too rare to keep their statements.

const ROTATE_SIGNING: Sql = Sql::unprepared(
    "SELECT rotate_signing_key(
        p_kid => $1,
        p_x => $2,
        p_y => $3,
        p_provider_key => $4,
        p_now => $5,
        p_activates_at => $6,
        p_old_expire_at => $7
    )",
);
const DISCARD_SIGNING: Sql = Sql::unprepared(
    "SELECT discard_signing_key(
        p_kid => $1,
        p_x => $2,
        p_y => $3,
        p_provider_key => $4,
        p_now => $5
    )",
);
const NEXT_VERSION: Sql = Sql::unprepared(
    "SELECT coalesce(max(version), 0) + 1 AS version FROM vault_keys
      WHERE tenant_id = current_tenant() AND purpose = 'secret'",
);
const ROTATE_VAULT: Sql = Sql::unprepared(
    "SELECT rotate_vault_key(
        p_tenant => $1,
        p_version => $2,
        p_provider => $3,
        p_provider_key => $4,
        p_wrapped => $5,
        p_now => $6
    )",
);
const RETIRE_VAULT: Sql = Sql::unprepared("SELECT retire_vault_keys(NULL)");

/// The kind of key to rotate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationRequest {
    /// Kind of key.
    kind: KeyKind,
}

/// A kind of key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyKind {
    /// The key that signs access tokens.
    Signing,
    /// The data keys that seal secrets.
    Vault,
}

#[derive(FromRow)]
struct NextVersion {
    version: i32,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<RotationRequest>,
) -> Result<ApiResponse, Problem> {
    match (body.kind, request.chosen_tenant) {
        (KeyKind::Signing, _) => rotate_signing(&app, &request).await,
        (KeyKind::Vault, Some(tenant)) => rotate_vault(&app, &request, tenant).await,
        (KeyKind::Vault, None) => retire_vault(&app, &request).await,
    }
}

async fn rotate_signing(app: &App, request: &RequestContext) -> Result<ApiResponse, Problem> {
    let shared_secret = || {
        Problem::new(Code::Conflict, "Access tokens are signed with AUTH_JWT_SECRET; change that setting to rotate.")
    };
    let signer = app.signer.as_ref().ok_or_else(shared_secret)?;
    if let Replayed::Yes(response) = request.transaction(app).replay(None).await? {
        return Ok(response);
    }
    let created = signer.create_key().await.map_err(|error| {
        tracing::error!(%error, "cannot create a signing key");
        Problem::unavailable()
    })?;
    let new = created.ok_or_else(shared_secret)?;
    let registered = register_signing(app, request, &new).await;
    let unregistered = match &registered {
        // The same request, sent twice at once, was faster the other time.
        Ok(response) => response.is_replayed(),
        // After a failure of the database the key may be registered: then it must stay.
        Err(problem) => problem.is_audited(),
    };
    if unregistered {
        discard_signing(app, request, signer, &new).await;
    }
    registered
}

/// Deletes a key that was created and is not registered, or has the maintenance function delete it in KMS: this function may
/// not. What fails is logged with the key's name, since the caller has a response already.
async fn discard_signing(app: &App, request: &RequestContext, signer: &Signer, new: &NewKey) {
    let NewKey { public, provider_key } = new;
    let kid = public.thumbprint();
    match signer.discard_file(new) {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => tracing::error!(%error, kid, "the file of an unregistered signing key cannot be deleted"),
    }
    let discard = DISCARD_SIGNING.bind(&kid).bind(&public.x).bind(&public.y).bind(provider_key).bind(&request.now);
    if let Err(problem) = request.transaction(app).look_up().execute(vec![discard]).await {
        tracing::error!(?problem, kid, provider_key, "a new signing key is neither registered nor discarded");
    }
}

async fn register_signing(app: &App, request: &RequestContext, new: &NewKey) -> Result<ApiResponse, Problem> {
    let NewKey { public, provider_key } = new;
    let Rotation { now, activates_at, old_expire_at } = Rotation::at(request.now);
    let kid = public.thumbprint();
    let key = ManagedKey {
        kind: "signing".to_owned(),
        id: kid.clone(),
        state: "published".to_owned(),
        created_at: Time(now),
        activates_at: Some(Time(activates_at)),
        expires_at: None,
    };
    let response = ApiResponse::created("/admin/keys", &key)?;
    let rotate = ROTATE_SIGNING
        .bind(&kid)
        .bind(&public.x)
        .bind(&public.y)
        .bind(provider_key)
        .bind(&now)
        .bind(&activates_at)
        .bind(&old_expire_at);
    request.transaction(app).changes(["signing"]).respond(rotate, response).await
}

/// Creates the data key that seals one tenant's secrets from now on. Its keys of the other purposes are retired with the one
/// before it; their successors are created by the functions that use them, since this one cannot.
async fn rotate_vault(app: &App, request: &RequestContext, tenant: TenantId) -> Result<ApiResponse, Problem> {
    let vault = app.vault().map_err(|_| {
        Problem::conflict("No vault is configured here: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY.")
    })?;
    let next: NextVersion = match request.transaction(app).replay(Some(Statement::from(NEXT_VERSION))).await? {
        Replayed::Yes(response) => return Ok(response),
        Replayed::No(rows) => rows_of(&rows)?.pop().ok_or_else(Problem::internal)?,
    };
    let created = vault.create_key(tenant, Purpose::Secret, next.version).await?;
    let key = vault_key(format!("v{}", next.version), "active", request);
    let response = ApiResponse::created("/admin/keys", &key)?;
    let provider = created.provider.name();
    let rotate = ROTATE_VAULT
        .bind(&tenant)
        .bind(&next.version)
        .bind(&provider)
        .bind(&created.provider_key)
        .bind(&created.wrapped)
        .bind(&request.now);
    let conflict =
        || "Another rotation of this tenant's vault key was faster; list the keys before you rotate again.".to_owned();
    let response = request
        .transaction(app)
        .changes(["vault"])
        .respond(rotate, response)
        .await
        .map_err(|problem| problem.explain(Code::Conflict, conflict))?;
    forget_active(app);
    Ok(response)
}

/// Retires the active data keys of all tenants. The next value that is sealed for a tenant creates its new one.
async fn retire_vault(app: &App, request: &RequestContext) -> Result<ApiResponse, Problem> {
    let key = vault_key("next".to_owned(), "published", request);
    let response = ApiResponse::created("/admin/keys", &key)?;
    let retire = Statement::from(RETIRE_VAULT);
    let response = request.transaction(app).changes(["vault"]).respond(retire, response).await?;
    forget_active(app);
    Ok(response)
}

fn vault_key(id: String, state: &str, request: &RequestContext) -> ManagedKey {
    ManagedKey {
        kind: "vault".to_owned(),
        id,
        state: state.to_owned(),
        created_at: Time(request.now),
        activates_at: Some(Time(request.now)),
        expires_at: None,
    }
}

/// Drops the cached active keys of this instance. Other instances notice when they next set a secret, which is never
/// sealed under a retired key.
fn forget_active(app: &App) {
    app.vault.iter().for_each(Vault::forget_active);
}
