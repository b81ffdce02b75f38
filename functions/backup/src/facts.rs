//! Facts about a database and its server, as the backup role sees them.

use holdfast_shared::db::FromRow;
use jiff::civil::Date;
use tokio_postgres::Client;

use crate::error::BackupError;
use crate::manifest::SealReference;
use crate::tables::Table;

/// Also for a login as the owner: a backup sees no more and no less than the deployed function.
pub(crate) const ROLE: &str = "holdfast_backup";
const SET_ROLE: &str = "SET ROLE holdfast_backup";

const SERVER_VERSION: &str = "SELECT current_setting('server_version') AS version";

const DATABASE: &str = "SELECT (SELECT max(version) FROM public.refinery_schema_history) AS schema_version,
        pg_database_size(current_database()) AS database_bytes, public.audit_epoch() AS audit_epoch";

const AUDIT_MONTHS: &str = "SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'public.http_audit_log'::regclass AND c.relname ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$' ORDER BY month";

const LAST_SEAL: &str =
    "SELECT number, encode(hash, 'hex') AS hash FROM public.audit_seals ORDER BY number DESC LIMIT 1";

/// Those of the tables of which the role would silently see only some rows.
const HIDDEN: &str = "SELECT string_agg(c.relname, ', ' ORDER BY c.relname) AS tables FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1)
       AND (NOT has_table_privilege(c.oid, 'SELECT') OR c.relrowsecurity AND (
            NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND p.polroles && ARRAY[0, current_user::regrole]::oid[])
            OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
                AND p.polroles && ARRAY[0, current_user::regrole]::oid[])))";

/// A server is another one if it has another system identifier and was started at another time.
const STARTED: &str = "SELECT pg_postmaster_start_time()::text AS started,
        has_function_privilege('pg_control_system()', 'EXECUTE') AS may_identify";
const SYSTEM_IDENTIFIER: &str = "SELECT system_identifier::text AS identifier FROM pg_control_system()";

/// Facts about a database at one moment.
pub(crate) struct DatabaseFacts {
    /// Version of the schema.
    pub(crate) schema_version: i32,
    /// Version of PostgreSQL.
    pub(crate) server_version: String,
    /// Size on the server, in bytes.
    pub(crate) database_bytes: i64,
    /// Epoch of the audit log.
    pub(crate) audit_epoch: i32,
    /// Months of the audit log that have a partition, as their first days.
    pub(crate) audit_months: Vec<Date>,
    /// The newest seal of the audit log.
    pub(crate) last_seal: Option<SealReference>,
}

/// Identity of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerIdentity {
    started: String,
    /// None where the service does not show it.
    identifier: Option<String>,
}

impl ServerIdentity {
    /// Reads the identity of the server behind a connection.
    pub(crate) async fn of(client: &Client) -> Result<Self, BackupError> {
        let row = client.query_one(STARTED, &[]).await?;
        let identifier = if row.try_get("may_identify")? {
            Some(client.query_one(SYSTEM_IDENTIFIER, &[]).await?.try_get("identifier")?)
        } else {
            None
        };
        Ok(Self { started: row.try_get("started")?, identifier })
    }

    /// Returns whether two connections reach the same server, or a copy of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.started == other.started || self.identifier.is_some() && self.identifier == other.identifier
    }
}

/// Makes a connection act as the backup role.
pub(crate) async fn take_role(client: &Client) -> Result<(), BackupError> {
    let taken = client.batch_execute(SET_ROLE).await;
    taken.map_err(|error| BackupError::Role { role: ROLE.to_owned(), cause: holdfast_shared::db::cause(&error) })
}

/// Version of the server, without the distribution's own: `15.18` of `15.18 (Debian 15.18-0+deb12u1)`.
pub(crate) async fn server_version(client: &Client) -> Result<String, BackupError> {
    let version: String = client.query_one(SERVER_VERSION, &[]).await?.try_get("version")?;
    Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Checks that the role sees every row of the tables.
///
/// # Errors
/// [`BackupError::Hidden`], with the tables of which it does not.
pub(crate) async fn check_visibility(client: &Client, tables: &[Table]) -> Result<(), BackupError> {
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    match client.query_one(HIDDEN, &[&names]).await?.try_get::<_, Option<String>>("tables")? {
        Some(tables) => Err(BackupError::Hidden(tables)),
        None => Ok(()),
    }
}

/// Gathers the facts, in the snapshot of the connection's transaction.
pub(crate) async fn gather(client: &Client) -> Result<DatabaseFacts, BackupError> {
    let row = client.query_one(DATABASE, &[]).await?;
    let months = client.query(AUDIT_MONTHS, &[]).await?;
    let last_seal = client.query_opt(LAST_SEAL, &[]).await?;
    Ok(DatabaseFacts {
        schema_version: row.try_get("schema_version")?,
        server_version: server_version(client).await?,
        database_bytes: row.try_get("database_bytes")?,
        audit_epoch: row.try_get("audit_epoch")?,
        audit_months: months.iter().map(|row| row.try_get("month")).collect::<Result<_, _>>()?,
        last_seal: last_seal.as_ref().map(SealReference::from_row).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_another_one_only_if_nothing_says_that_it_is_the_same() {
        let server = |started: &str, identifier: Option<&str>| ServerIdentity {
            started: started.to_owned(),
            identifier: identifier.map(str::to_owned),
        };
        for (one, other, same) in [
            (server("1", Some("a")), server("2", Some("b")), false),
            (server("1", Some("a")), server("2", Some("a")), true),
            (server("1", None), server("1", None), true),
            (server("1", None), server("2", None), false),
            (server("1", Some("a")), server("1", Some("b")), true),
        ] {
            assert_eq!(one.is_same(&other), same, "{one:?} {other:?}");
        }
    }
}
