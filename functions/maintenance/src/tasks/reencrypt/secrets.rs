//! Versions of secrets, in the order of their primary key.

use holdfast_shared::db::FromRow;
use holdfast_shared::vault::{BoundVersion, Purpose};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{BATCH, Counts, TenantKeys, log_unopened};
use crate::error::TaskError;

const NEXT: &str = "SELECT account_id, name, version, sealed, key_version, binding_tag FROM secret_versions
     WHERE tenant_id = $1 AND key_version <> $2 AND (account_id, name, version) > ($3, $4, $5)
     ORDER BY account_id, name, version LIMIT $6";

/// Only if the binding tag is unchanged: it covers the sealed value and the version.
const REPLACE: &str = "UPDATE secret_versions v SET sealed = n.sealed, binding_tag = n.binding_tag, key_version = $2
      FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[]) AS n (account_id, name, version, was, sealed, binding_tag)
     WHERE v.tenant_id = $1 AND v.account_id = n.account_id AND v.name = n.name AND v.version = n.version AND v.binding_tag = n.was";

/// The last version that was processed.
#[derive(Default)]
pub(super) struct LastVersion {
    account: Uuid,
    name: String,
    version: i64,
}

#[derive(FromRow)]
struct SealedVersion {
    account_id: Uuid,
    name: String,
    version: i64,
    sealed: Vec<u8>,
    key_version: i32,
    binding_tag: Vec<u8>,
}

/// The arrays that [`REPLACE`] takes, one per column.
#[derive(Default)]
struct Columns {
    accounts: Vec<Uuid>,
    names: Vec<String>,
    versions: Vec<i64>,
    was: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    binding_tags: Vec<Vec<u8>>,
}

impl Columns {
    fn push(&mut self, old: SealedVersion, sealed: Vec<u8>, binding_tag: Vec<u8>) {
        self.accounts.push(old.account_id);
        self.names.push(old.name);
        self.versions.push(old.version);
        self.was.push(old.binding_tag);
        self.sealed.push(sealed);
        self.binding_tags.push(binding_tag);
    }
}

/// Re-encrypts the next batch; none if there are no more.
pub(super) async fn batch(work: &mut TenantKeys<'_, '_>, last: &mut LastVersion) -> Result<Option<Counts>, TaskError> {
    let tenant = work.tenant.0;
    let active = work.active.version;
    let position: [&(dyn ToSql + Sync); 6] = [&tenant, &active, &last.account, &last.name, &last.version, &BATCH];
    let rows = work.client.query(NEXT, &position).await?;
    let found: Vec<SealedVersion> = rows.iter().map(SealedVersion::from_row).collect::<Result<_, _>>()?;
    let Some(SealedVersion { account_id, name, version, .. }) = found.last() else { return Ok(None) };
    *last = LastVersion { account: *account_id, name: name.clone(), version: *version };
    let (mut columns, mut counts) = (Columns::default(), Counts::default());
    for old in found {
        match reseal(work, &old).await {
            Ok((sealed, binding_tag)) => columns.push(old, sealed, binding_tag),
            Err(TaskError::Vault(error)) if error.is_of_the_value() => {
                let SealedVersion { account_id, name, version, .. } = &old;
                let what = format!("secret {name} of account {account_id}, version {version}");
                log_unopened(work.tenant, &what, &error);
                counts.failed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    let Columns { accounts, names, versions, was, sealed, binding_tags } = columns;
    let values: [&(dyn ToSql + Sync); 8] =
        [&tenant, &active, &accounts, &names, &versions, &was, &sealed, &binding_tags];
    counts.values = work.client.execute(REPLACE, &values).await?;
    Ok(Some(counts))
}

async fn reseal(work: &mut TenantKeys<'_, '_>, old: &SealedVersion) -> Result<(Vec<u8>, Vec<u8>), TaskError> {
    let context = [old.account_id.as_bytes().as_slice(), old.name.as_bytes()];
    let bound = BoundVersion { sealed: &old.sealed, version: old.version, binding_tag: &old.binding_tag };
    let from = work.key(old.key_version)?.clone();
    let keys = (&from, &work.active);
    Ok(work.resealer.reseal_version(work.tenant, Purpose::Secret, &context, keys, &bound).await?)
}
