//! `PUT /accounts/{id}/secrets/{name}`: sealed here, numbered by the database, in one flight.

use axum::extract::State;
use shared::app::App;
use shared::db::Statement;
use shared::http::{Answer, Call, FromRow, Id, Json, Name};
use shared::id::{AccountId, TenantId};
use shared::identity::principal::Principal;
use shared::permission::Permission;
use shared::problem::{Code, Problem};
use shared::route::{Access, Route};
use shared::text::SecretName;
use shared::vault::{Purpose, Vault};
use tokio_postgres::Row;

use super::plaintext::{self, NewValue, Plaintext};
use super::{Secret, about, suspended, vault};

pub(crate) static PUT: Route = Route::put("/accounts/{id}/secrets/{name}", "secret.put")
    .access(Access::Holder(Permission::SecretsWrite))
    .summary("Sets a secret: 201 where it is new, 200 with its next version where it is not.")
    .takes::<NewValue>()
    .most_body(plaintext::MOST_BODY_BYTES)
    .answers::<Secret>()
    .refuses(&[Code::Conflict, Code::QuotaExceeded]);

const SET: &str = "SELECT name, version, created_at, updated_at, key_version, made
    FROM put_secret($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// How often a value is sealed anew where the data key was rotated in between.
const ATTEMPTS: usize = 3;

pub(crate) async fn put(
    State(app): State<App>,
    call: Call,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    Json(value): Json<NewValue>,
) -> Result<Answer, Problem> {
    let plaintext = value.parse()?;
    let Stored { secret, made } = store(&app, &call, account, &name, &plaintext, None).await?;
    Ok(Answer::set(made, &secret)?.version(secret.version))
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
    call: &Call,
    account: AccountId,
    name: &SecretName,
    plaintext: &Plaintext,
    restored_from: Option<i64>,
) -> Result<Stored, Problem> {
    let vault = vault(app)?;
    let tenant = call.principal()?.home();
    check_token(app, call, vault, tenant).await?;
    let keep = i64::from(app.config.secret_versions);
    for _ in 0..ATTEMPTS {
        let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
        let (sealed, key) = vault.seal_version(tenant, Purpose::Secret, &context, &plaintext.bytes).await?;
        let key = key.expose();
        let set = Statement::prepared(SET).bind(&account).bind(name).bind(&call.if_match.0).bind(&call.exists);
        let set = set.bind(&sealed.bytes).bind(&sealed.key_version).bind(&*key).bind(&plaintext.is_text);
        let set = set.bind(&restored_from).bind(&keep).bind(&call.now);
        let transaction = about(call, app, account, name).changes(["value"]);
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
pub(super) async fn check_token(app: &App, call: &Call, vault: &Vault, tenant: TenantId) -> Result<(), Problem> {
    if vault.is_warm(tenant) || matches!(call.principal()?, Principal::User(_)) {
        return Ok(());
    }
    call.transaction(app).look_up().execute(Vec::new()).await
}
