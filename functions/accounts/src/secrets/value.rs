//! `GET /accounts/{id}/secrets/{name}/value`: the one route that shows a secret. Each time is in the audit log, and so is
//! each value that does not open.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::vault::{BoundVersion, Purpose, VaultError, WrappedKey};
use holdfast_shared::web::{ApiResponse, Id, Name, Params, RequestContext};
use tokio_postgres::Row;

use super::plaintext::{Plaintext, Revealed};
use super::{about, suspended, vault};

pub(crate) static REVEAL: Route = Route::get("/accounts/{id}/secrets/{name}/value", "secret.reveal")
    .access(Access::Holder(Permission::SecretsReveal))
    .audited(Audited::Always)
    .summary("Shows a secret's value, the newest or an earlier one. Always audited.")
    .query(&[QueryParameter::new(
        "version",
        ParameterKind::Number(1, i64::MAX),
        "Which version; the newest unless told.",
    )])
    .returns::<Revealed<'static>>()
    .rejects(&[Code::Conflict]);

const SELECT: &str = "SELECT v.version, v.sealed, v.stamp, v.is_text, k.version AS key_version, k.provider, k.provider_key, k.wrapped,
        reject(CASE WHEN a.id IS NULL THEN 'not_found' WHEN a.status <> 'active' THEN 'conflict' WHEN v.version IS NULL THEN 'not_found' END)
      FROM (VALUES (1)) AS request
      LEFT JOIN accounts a ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL AND request_allowed()
      LEFT JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.name = $2 AND s.deleted_at IS NULL
      LEFT JOIN secret_versions v ON v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = coalesce($3, s.version)
      LEFT JOIN vault_keys k ON k.tenant_id = v.tenant_id AND k.version = v.key_version";

/// A version as it is stored, with the data key that opens it.
pub(super) struct StoredVersion {
    pub(super) version: i64,
    pub(super) sealed: Vec<u8>,
    pub(super) stamp: Vec<u8>,
    pub(super) is_text: bool,
    pub(super) key: Option<WrappedKey>,
}

impl FromRow for StoredVersion {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            version: row.try_get("version")?,
            sealed: row.try_get("sealed")?,
            stamp: row.try_get("stamp")?,
            is_text: row.try_get("is_text")?,
            key: WrappedKey::if_any(row)?,
        })
    }
}

impl StoredVersion {
    /// Opens it. Where it does not open, that is written to the audit log.
    pub(super) async fn open(
        &self,
        app: &App,
        request: &RequestContext,
        account: AccountId,
        name: &SecretName,
    ) -> Result<Plaintext, Problem> {
        let opened = match &self.key {
            Some(key) => {
                let context = [account.0.as_bytes().as_slice(), name.as_str().as_bytes()];
                let stamped = BoundVersion { sealed: &self.sealed, version: self.version, stamp: &self.stamp };
                let tenant = request.principal()?.home();
                vault(app)?.open_version(tenant, Purpose::Secret, &context, key, &stamped).await
            }
            None => Err(VaultError::KeyRefused),
        };
        match opened {
            Ok(bytes) => Ok(Plaintext { bytes, is_text: self.is_text }),
            Err(error) => {
                let alarm = about(request, app, account, name).target_named("version", self.version);
                Err(alarm.action("vault.open_failed").refuse(error.into()).await)
            }
        }
    }
}

pub(crate) async fn reveal(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
    params: Params,
) -> Result<ApiResponse, Problem> {
    let version = params.parse::<i64>("version", "must be a whole number from 1")?;
    if version.is_some_and(|version| version < 1) {
        return Err(Problem::field("version", "must be a whole number from 1"));
    }
    let mut transaction = about(&request, &app, account, &name);
    if let Some(version) = version {
        transaction = transaction.target_named("version", version);
    }
    let select = Statement::prepared(SELECT).bind(&account).bind(&name).bind(&version);
    let stored: StoredVersion = transaction.one(select).await.map_err(suspended)?;
    let plaintext = stored.open(&app, &request, account, &name).await?;
    Ok(ApiResponse::ok(&Revealed::new(name.as_str(), stored.version, &plaintext))?.version(stored.version))
}
