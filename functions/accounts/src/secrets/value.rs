//! `GET /accounts/{id}/secrets/{name}/value`: the only route that returns a secret's value. The audit log records each
//! request, and each value that cannot be opened.

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::web::{ApiResponse, Id, Name, Params, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::plaintext::Plaintext;
use super::sealed::SealedVersion;
use super::{rejection, transaction};

pub(crate) static ROUTE: Route = Route::get("/accounts/{id}/secrets/{name}/value", "secret.reveal")
    .access(Access::Holder(Permission::SecretsReveal))
    .audited(Audited::Always)
    .summary("Read a secret's value, of the current or an earlier version. Always audited.")
    .query(&[QueryParameter::new(
        "version",
        ParameterKind::Number(1, i64::MAX),
        "Version number; default: the current version.",
    )])
    .returns::<SecretValue<'static>>()
    .rejects(&[Code::Conflict]);

/// A secret's value, in the form in which it was put.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretValue<'a> {
    /// Name of the secret.
    name: &'a str,
    /// Version that the value belongs to.
    version: i64,
    /// Value that was put as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// Value that was put as bytes, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    value_base64: Option<Zeroizing<String>>,
}

impl<'a> SecretValue<'a> {
    fn new(name: &'a str, version: i64, plaintext: &'a Plaintext) -> Self {
        let text = std::str::from_utf8(&plaintext.bytes).ok().filter(|_| plaintext.is_text);
        let value_base64 = text.is_none().then(|| Zeroizing::new(STANDARD.encode(&*plaintext.bytes)));
        Self { name, version, value: text, value_base64 }
    }
}

const SELECT: Sql = Sql::prepared(
    "SELECT v.version, v.sealed, v.binding_tag, v.is_text, k.version AS key_version, k.provider, k.provider_key, k.wrapped,
        reject(CASE WHEN a.id IS NULL THEN 'not_found' WHEN a.status <> 'active' THEN 'conflict' WHEN v.version IS NULL THEN 'not_found' END)
      FROM (VALUES (1)) AS request
      LEFT JOIN accounts a ON a.tenant_id = current_tenant() AND a.id = $1 AND a.deleted_at IS NULL
      LEFT JOIN secrets s ON s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.name = $2 AND s.deleted_at IS NULL
      LEFT JOIN secret_versions v ON v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = coalesce($3, s.version)
      LEFT JOIN vault_keys k ON k.tenant_id = v.tenant_id AND k.purpose = 'secret' AND k.version = v.key_version",
);

pub(crate) async fn handle(
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
    let mut transaction = transaction(&request, &app, account, &name);
    if let Some(version) = version {
        transaction = transaction.target_named("version", version);
    }
    let select = SELECT.bind(&account).bind(&name).bind(&version);
    let sealed: SealedVersion = transaction.one(select).await.map_err(rejection)?;
    let plaintext = sealed.open(&app, &request, account, &name).await?;
    Ok(ApiResponse::ok(&SecretValue::new(name.as_str(), sealed.version, &plaintext))?.version(sealed.version))
}
