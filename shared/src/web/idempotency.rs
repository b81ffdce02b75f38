//! `Idempotency-Key`: the same key and request within 24 hours get the first answer again.

use http::{HeaderMap, Method};
use ring::digest;
use tokio_postgres::Row;

use super::response::ApiResponse;
use crate::app::App;
use crate::db::DbError;
use crate::id::{TenantId, UserId};
use crate::problem::Problem;
use crate::vault::{Purpose, WrappedKey};

/// Looks for the answer kept under the key; run before the request's own statement.
pub(super) const FIND: &str =
    "SELECT status, headers, body, key_version, provider, provider_key, wrapped FROM idempotency_find($1, $2, $3)";

/// Keeps the answer; run after the request's own statement.
pub(super) const KEEP: &str = "SELECT idempotency_keep($1, $2, $3, $4, $5, $6, $7)";

/// Reads the header: 1 to 255 visible ASCII characters, once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid_request("Idempotency-Key must be 1 to 255 visible ASCII characters.")),
    }
}

/// What makes two requests the same: method, path and body.
pub(super) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// The answer's body as it is kept: sealed, where it shows a secret.
pub(super) async fn keepable(
    app: &App,
    tenant: TenantId,
    user: UserId,
    key: &str,
    answer: &ApiResponse,
) -> Result<(Vec<u8>, Option<i32>), Problem> {
    if !answer.secret {
        return Ok((answer.body.clone(), None));
    }
    let vault = app.vault.as_ref().ok_or_else(no_vault)?;
    let sealed = vault.seal(tenant, Purpose::Idempotency, &[user.0.as_bytes(), key.as_bytes()], &answer.body).await?;
    Ok((sealed.bytes, Some(sealed.key_version)))
}

/// The answer that [`FIND`] found, if it did.
pub(super) async fn found(
    app: &App,
    tenant: TenantId,
    user: UserId,
    key: &str,
    rows: &[Row],
) -> Result<Option<ApiResponse>, Problem> {
    let Some(row) = rows.first() else { return Ok(None) };
    let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, WrappedKey::if_any(row)?));
    let (status, headers, body, sealed): (i16, serde_json::Value, Vec<u8>, Option<WrappedKey>) =
        read(row).map_err(DbError::Unexpected)?;
    let body = match sealed {
        None => body,
        Some(wrapped) => {
            let vault = app.vault.as_ref().ok_or_else(no_vault)?;
            vault
                .open(tenant, Purpose::Idempotency, &[user.0.as_bytes(), key.as_bytes()], &wrapped, &body)
                .await?
                .to_vec()
        }
    };
    Ok(ApiResponse::replayed(status, &headers, body))
}

fn no_vault() -> Problem {
    tracing::error!("answers that show a secret are kept sealed: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY");
    Problem::internal()
}
