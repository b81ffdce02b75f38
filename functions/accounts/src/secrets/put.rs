//! `PUT /accounts/{id}/secrets/{name}`: sealed here, numbered by the database, in one flight.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{AccountId, TenantId};
use holdfast_shared::identity::principal::Principal;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::{Purpose, Vault};
use holdfast_shared::web::{ApiResponse, Id, Json, Name, RequestContext};
use tokio_postgres::Row;

use super::plaintext::{self, NewValue, Plaintext};
use super::{Secret, about, suspended, vault};

pub(crate) static PUT: Route = Route::put("/accounts/{id}/secrets/{name}", "secret.put")
    .access(Access::Holder(Permission::SecretsWrite))
    .summary("Sets a secret: 201 where it is new, 200 with its next version where it is not.")
    .body::<NewValue>()
    .max_body(plaintext::MAX_BODY_BYTES)
    .returns::<Secret>()
    .rejects(&[Code::Conflict, Code::QuotaExceeded]);

const SET: &str = "SELECT name, version, created_at, updated_at, key_version, made
    FROM put_secret($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// How often a value is sealed anew where the data key was rotated in between.
const ATTEMPTS: usize = 3;

pub(crate) async fn put(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    Json(value): Json<NewValue>,
) -> Result<ApiResponse, Problem> {
    let plaintext = value.parse()?;
    let Stored { secret, made } = store(&app, &request, account, &name, &plaintext, None).await?;
    Ok(ApiResponse::set(made, &secret)?.version(secret.version))
}

/// What was stored.
pub(super) struct Stored {
    pub(super) secret: Secret,
    /// Whether there was no such secret before.
    made: bool,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { secret: Secret::from_row(row)?, made: row.try_get("made")? })
    }
}

/// Seals a value and stores it as the secret's next version.
pub(super) async fn store(
    app: &App,
    request: &RequestContext,
    account: AccountId,
    name: &SecretName,
    plaintext: &Plaintext,
    restored_from: Option<i64>,
) -> Result<Stored, Problem> {
    let vault = vault(app)?;
    let tenant = request.principal()?.home();
    check_token(app, request, vault, tenant).await?;
    let keep = i64::from(app.config.secret_versions);
    for _ in 0..ATTEMPTS {
        let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
        let (sealed, key) = vault.seal_version(tenant, Purpose::Secret, &context, &plaintext.bytes).await?;
        let key = key.expose();
        let set = Statement::prepared(SET).bind(&account).bind(name).bind(&request.if_match.0).bind(&request.exists);
        let set = set.bind(&sealed.bytes).bind(&sealed.key_version).bind(&*key).bind(&plaintext.is_text);
        let set = set.bind(&restored_from).bind(&keep).bind(&request.now);
        let transaction = about(request, app, account, name).changes(["value"]);
        let stored: Vec<Stored> = transaction.all(set).await.map_err(suspended)?;
        if let Some(stored) = stored.into_iter().next() {
            return Ok(stored);
        }
        // The data key was rotated since this instance looked: seal under its successor.
        vault.forget_active();
    }
    tracing::error!(%tenant, "the data key was rotated again and again while a value was being stored");
    Err(Problem::unavailable())
}

/// An API token only claims its tenant until the database has seen it. Where sealing would look up or even make the
/// tenant's data key, the token is checked first, so that nobody makes KMS work with tokens that are made up.
pub(super) async fn check_token(
    app: &App,
    request: &RequestContext,
    vault: &Vault,
    tenant: TenantId,
) -> Result<(), Problem> {
    if vault.is_warm(tenant) || matches!(request.principal()?, Principal::User(_)) {
        return Ok(());
    }
    request.transaction(app).look_up().execute(Vec::new()).await
}
