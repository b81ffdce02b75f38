//! `POST /accounts/{id}/secrets/{name}/versions/{n}/restore`: an earlier value becomes a new version.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Row, RowError, Sql};
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::Purpose;
use holdfast_shared::web::{ApiResponse, Id, Name, RequestContext, Version};

use crate::secrets::put::{check_token, seal_and_put};
use crate::secrets::sealed::SealedVersion;
use crate::secrets::{Secret, rejection, transaction};

pub(crate) static ROUTE: Route = Route::post("/accounts/{id}/secrets/{name}/versions/{n}/restore", "secret.restore")
    .about("Version")
    .access(Access::Holder(Permission::SecretsWrite))
    .conditional()
    .summary("Restore the value of an earlier version, as a new version.")
    .returns::<Secret>()
    .rejects(&[Code::Conflict]);

const RESTORE: Sql = Sql::prepared(
    "SELECT name, version, created_at, updated_at, key_version, sealed, binding_tag, is_text, provider, provider_key, wrapped
      FROM restore_secret_version(
        p_account => $1,
        p_name => $2,
        p_version => $3,
        p_versions => $4,
        p_key_version => $5,
        p_binding_key => $6,
        p_keep => $7,
        p_now => $8)",
);

/// The result of [`RESTORE`].
enum RestoreOutcome {
    /// The value is the secret's newest version.
    Restored(Secret),
    /// Nothing is changed yet: the value is sealed under an older data key, and has to be sealed again first.
    NeedsSealing(SealedVersion),
}

impl FromRow for RestoreOutcome {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        match row.try_get::<_, Option<&[u8]>>("sealed")? {
            None => Secret::from_row(row).map(Self::Restored),
            Some(_) => SealedVersion::from_row(row).map(Self::NeedsSealing),
        }
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    Version(version): Version,
) -> Result<ApiResponse, Problem> {
    let vault = app.vault()?;
    let tenant = request.principal()?.home();
    check_token(&app, &request, vault, tenant).await?;
    let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
    let (key_version, key) = vault.binding_key(tenant, Purpose::Secret, &context).await?;
    let (key, keep) = (key.expose(), i64::from(app.config.secret_versions));
    let restore = RESTORE
        .bind(&account)
        .bind(&name)
        .bind(&version)
        .bind(&request.if_match.0)
        .bind(&key_version)
        .bind(&*key)
        .bind(&keep)
        .bind(&request.now);
    let transaction = transaction(&request, &app, account, &name).target_named("version", version).changes(["value"]);
    let secret = match transaction.one(restore).await.map_err(rejection)? {
        RestoreOutcome::Restored(secret) => secret,
        RestoreOutcome::NeedsSealing(sealed) => {
            let plaintext = sealed.open(&app, &request, account, &name).await?;
            seal_and_put(&app, &request, account, &name, &plaintext, Some(version)).await?.secret
        }
    };
    Ok(ApiResponse::ok(&secret)?.version(secret.version))
}
