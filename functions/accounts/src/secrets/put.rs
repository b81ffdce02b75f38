//! `PUT /accounts/{id}/secrets/{name}`: sealed here, numbered by the database, in one round trip.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Sql};
use holdfast_shared::id::{AccountId, TenantId};
use holdfast_shared::identity::principal::Principal;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::{Purpose, Vault};
use holdfast_shared::web::{ApiResponse, Id, Json, Name, RequestContext};

use super::plaintext::{self, NewSecretValue, Plaintext};
use super::{Secret, rejection, transaction};
use crate::accounts::not_found;

pub(crate) static ROUTE: Route = Route::put("/accounts/{id}/secrets/{name}", "secret.put")
    .access(Access::Holder(Permission::SecretsWrite))
    .summary("Create a secret (201), or give an existing one its next version (200).")
    .body::<NewSecretValue>()
    .max_body(plaintext::MAX_BODY_BYTES)
    .returns::<Secret>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

const PUT: Sql = Sql::prepared(
    "SELECT name, version, created_at, updated_at, key_version, created FROM put_secret(
        p_account => $1,
        p_name => $2,
        p_versions => $3,
        p_exists => $4,
        p_sealed => $5,
        p_key_version => $6,
        p_binding_key => $7,
        p_is_text => $8,
        p_restored_from => $9,
        p_keep => $10,
        p_now => $11)",
);

/// Attempts to seal a value, where the data key is rotated in between.
const MAX_ATTEMPTS: usize = 3;

/// The result of [`PUT`].
#[derive(FromRow)]
pub(super) struct PutSecret {
    #[row(flatten)]
    pub(super) secret: Secret,
    /// True where no such secret existed before.
    created: bool,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    Json(value): Json<NewSecretValue>,
) -> Result<ApiResponse, Problem> {
    let plaintext = value.parse()?;
    // PUT creates a missing secret: a 404 concerns the account.
    let put = seal_and_put(&app, &request, account, &name, &plaintext, None).await.map_err(not_found)?;
    Ok(ApiResponse::upserted(put.created, &put.secret)?.version(put.secret.version))
}

/// Seals a value and stores it as the secret's next version.
pub(super) async fn seal_and_put(
    app: &App,
    request: &RequestContext,
    account: AccountId,
    name: &SecretName,
    plaintext: &Plaintext,
    restored_from: Option<i64>,
) -> Result<PutSecret, Problem> {
    let vault = app.vault()?;
    let tenant = request.principal()?.home();
    check_token(app, request, vault, tenant).await?;
    let keep = i64::from(app.config.secret_versions);
    for _ in 0..MAX_ATTEMPTS {
        let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
        let (sealed, key) = vault.seal_version(tenant, Purpose::Secret, &context, &plaintext.bytes).await?;
        let key = key.expose();
        let put = PUT
            .bind(&account)
            .bind(name)
            .bind(&request.if_match.0)
            .bind(&request.must_exist)
            .bind(&sealed.bytes)
            .bind(&sealed.key_version)
            .bind(&*key)
            .bind(&plaintext.is_text)
            .bind(&restored_from)
            .bind(&keep)
            .bind(&request.now);
        let transaction = transaction(request, app, account, name).changes(["value"]);
        let rows: Vec<PutSecret> = transaction.all(put).await.map_err(rejection)?;
        if let Some(put) = rows.into_iter().next() {
            return Ok(put);
        }
        // No row: the data key was rotated since this instance loaded it. Seal under its successor.
        vault.forget_active();
    }
    tracing::error!(%tenant, "the data key was rotated at every attempt to store a secret value");
    Err(Problem::unavailable())
}

/// Checks an API token before the vault is used: until the database has seen it, a token only claims its tenant. Where
/// sealing would load or even create the tenant's data key, forged tokens would otherwise cause calls to KMS.
pub(super) async fn check_token(
    app: &App,
    request: &RequestContext,
    vault: &Vault,
    tenant: TenantId,
) -> Result<(), Problem> {
    if vault.is_warm(tenant, Purpose::Secret) || matches!(request.principal()?, Principal::User(_)) {
        return Ok(());
    }
    request.transaction(app).look_up().execute(Vec::new()).await
}
