//! Versions of secrets, in the order of their primary key.

use holdfast_shared::vault::{BoundVersion, Purpose};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{BATCH, Move, Moved, alarm};
use crate::error::TaskError;

const NEXT: &str = "SELECT account_id, name, version, sealed, key_version, stamp FROM secret_versions
     WHERE tenant_id = $1 AND key_version <> $2 AND (account_id, name, version) > ($3, $4, $5)
     ORDER BY account_id, name, version LIMIT $6";

/// The stamp is of this sealed value and this version: while it is the same, so are they.
const REPLACE: &str = "UPDATE secret_versions v SET sealed = n.sealed, stamp = n.stamp, key_version = $2
      FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[]) AS n (account_id, name, version, was, sealed, stamp)
     WHERE v.tenant_id = $1 AND v.account_id = n.account_id AND v.name = n.name AND v.version = n.version AND v.stamp = n.was";

/// The last one that was looked at.
#[derive(Default)]
pub(super) struct Position {
    account: Uuid,
    name: String,
    version: i64,
}

/// What the statement takes, column by column.
#[derive(Default)]
struct Columns {
    accounts: Vec<Uuid>,
    names: Vec<String>,
    versions: Vec<i64>,
    was: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    stamps: Vec<Vec<u8>>,
}

/// Moves those after the position; none where there are no more.
pub(super) async fn batch(moving: &mut Move<'_, '_>, after: &mut Position) -> Result<Option<Moved>, TaskError> {
    let tenant = moving.tenant.0;
    let active = moving.active.version;
    let position: [&(dyn ToSql + Sync); 6] = [&tenant, &active, &after.account, &after.name, &after.version, &BATCH];
    let rows = moving.client.query(NEXT, &position).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    *after = Position { account: last.try_get(0)?, name: last.try_get(1)?, version: last.try_get(2)? };
    let (mut columns, mut moved) = (Columns::default(), Moved::default());
    for row in &rows {
        match one(moving, row).await {
            Ok((sealed, stamp)) => {
                columns.accounts.push(row.try_get(0)?);
                columns.names.push(row.try_get(1)?);
                columns.versions.push(row.try_get(2)?);
                columns.was.push(row.try_get(5)?);
                columns.sealed.push(sealed);
                columns.stamps.push(stamp);
            }
            Err(TaskError::Vault(error)) if error.is_of_the_value() => {
                let (account, name, version): (Uuid, &str, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                alarm(moving.tenant, &format!("secret {name} of account {account}, version {version}"), &error);
                moved.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    let Columns { accounts, names, versions, was, sealed, stamps } = columns;
    let values: [&(dyn ToSql + Sync); 8] = [&tenant, &active, &accounts, &names, &versions, &was, &sealed, &stamps];
    moved.values = moving.client.execute(REPLACE, &values).await?;
    Ok(Some(moved))
}

async fn one(moving: &mut Move<'_, '_>, row: &Row) -> Result<(Vec<u8>, Vec<u8>), TaskError> {
    let (account, name): (Uuid, &str) = (row.try_get(0)?, row.try_get(1)?);
    let context = [account.as_bytes().as_slice(), name.as_bytes()];
    let stamped = BoundVersion { sealed: row.try_get(3)?, version: row.try_get(2)?, stamp: row.try_get(5)? };
    let from = moving.key(row.try_get(4)?)?.clone();
    let keys = (&from, &moving.active);
    Ok(moving.resealer.reseal_version(moving.tenant, Purpose::Secret, &context, keys, &stamped).await?)
}
