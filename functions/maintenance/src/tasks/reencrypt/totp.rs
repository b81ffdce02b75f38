//! The shared secrets of users' one-time codes, user by user.

use holdfast_shared::vault::Purpose;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{BATCH, Move, Moved, alarm};
use crate::error::TaskError;

const NEXT: &str = "SELECT user_id, sealed, key_version FROM totp_secrets
     WHERE tenant_id = $1 AND key_version <> $2 AND user_id > $3 ORDER BY user_id LIMIT $4";

/// Only if the user has not enrolled anew meanwhile.
const REPLACE: &str =
    "UPDATE totp_secrets SET sealed = $3, key_version = $2 WHERE tenant_id = $1 AND user_id = $4 AND sealed = $5";

/// The last user who was looked at.
#[derive(Default)]
pub(super) struct Position(Uuid);

/// Moves those after the position; none where there are no more.
pub(super) async fn batch(moving: &mut Move<'_, '_>, after: &mut Position) -> Result<Option<Moved>, TaskError> {
    let (tenant, active) = (moving.tenant.0, moving.active.version);
    let rows = moving.client.query(NEXT, &[&tenant, &active, &after.0, &BATCH]).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    *after = Position(last.try_get(0)?);
    let mut moved = Moved::default();
    for row in &rows {
        let (user, was): (Uuid, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        match one(moving, row).await {
            Ok(sealed) => {
                moved.values += moving.client.execute(REPLACE, &[&tenant, &active, &sealed, &user, &was]).await?;
            }
            Err(TaskError::Vault(error)) if error.is_of_the_value() => {
                alarm(moving.tenant, &format!("one-time codes of user {user}"), &error);
                moved.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(moved))
}

async fn one(moving: &mut Move<'_, '_>, row: &Row) -> Result<Vec<u8>, TaskError> {
    let (user, sealed): (Uuid, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    let from = moving.key(row.try_get(2)?)?.clone();
    let keys = (&from, &moving.active);
    Ok(moving.resealer.reseal(moving.tenant, Purpose::Totp, &[user.as_bytes()], keys, sealed).await?)
}
