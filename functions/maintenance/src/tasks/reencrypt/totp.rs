//! The TOTP secrets, user by user.

use holdfast_shared::db::FromRow;
use holdfast_shared::vault::Purpose;
use uuid::Uuid;

use super::{BATCH, Counts, TenantKeys, log_unopened};
use crate::error::TaskError;

const NEXT: &str = "SELECT user_id, sealed, key_version FROM totp_secrets
     WHERE tenant_id = $1 AND key_version <> $2 AND user_id > $3 ORDER BY user_id LIMIT $4";

/// Only if the user has not enrolled again meanwhile.
const REPLACE: &str =
    "UPDATE totp_secrets SET sealed = $3, key_version = $2 WHERE tenant_id = $1 AND user_id = $4 AND sealed = $5";

/// The last user that was processed.
#[derive(Default)]
pub(super) struct LastUser(Uuid);

#[derive(FromRow)]
struct SealedTotp {
    user_id: Uuid,
    sealed: Vec<u8>,
    key_version: i32,
}

/// Re-encrypts the next batch; none if there are no more.
pub(super) async fn batch(work: &mut TenantKeys<'_, '_>, last: &mut LastUser) -> Result<Option<Counts>, TaskError> {
    let (tenant, active) = (work.tenant.0, work.active.version);
    let rows = work.client.query(NEXT, &[&tenant, &active, &last.0, &BATCH]).await?;
    let secrets: Vec<SealedTotp> = rows.iter().map(SealedTotp::from_row).collect::<Result<_, _>>()?;
    let Some(SealedTotp { user_id, .. }) = secrets.last() else { return Ok(None) };
    *last = LastUser(*user_id);
    let mut counts = Counts::default();
    for secret in &secrets {
        let user = secret.user_id;
        match reseal(work, secret).await {
            Ok(sealed) => {
                counts.values +=
                    work.client.execute(REPLACE, &[&tenant, &active, &sealed, &user, &secret.sealed]).await?;
            }
            Err(TaskError::Vault(error)) if error.is_of_the_value() => {
                log_unopened(work.tenant, &format!("TOTP secret of user {user}"), &error);
                counts.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(counts))
}

async fn reseal(work: &mut TenantKeys<'_, '_>, secret: &SealedTotp) -> Result<Vec<u8>, TaskError> {
    let from = work.key(secret.key_version)?.clone();
    let keys = (&from, &work.active);
    let context = [secret.user_id.as_bytes().as_slice()];
    Ok(work.resealer.reseal(work.tenant, Purpose::Totp, &context, keys, &secret.sealed).await?)
}
