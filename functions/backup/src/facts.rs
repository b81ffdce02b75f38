//! Facts about a database, from its catalogue and its tables as the backup role sees them: gathered in the snapshot of a
//! dump, and again in the database that was restored from it.

use std::collections::BTreeMap;

use holdfast_shared::db::FromRow;
use tokio_postgres::Client;

use crate::error::BackupError;
use crate::manifest::{DatabaseFacts, SealReference};

/// Also for a login as the owner: a dump sees no more and no less than the deployed function.
pub(crate) const ROLE: &str = "holdfast_backup";
const SET_ROLE: &str = "SET ROLE holdfast_backup";

/// Makes names appear with their schemas, whatever the session's search path is.
const QUALIFY: &str = "SET search_path = pg_catalog";

const SERVER: &str = "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer / 10000 AS major";

const DATABASE: &str =
    "SELECT (SELECT max(version) FROM public.refinery_schema_history) AS schema_version, r.rolname::text AS owner,
        pg_database_size(current_database()) AS bytes
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = 'public.refinery_schema_history'::regclass";

const TABLES: &str =
    "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
       AND c.oid IS DISTINCT FROM to_regclass('public.request_binding_keys') ORDER BY name";

/// Tables of which the role would silently see only some rows. One is meant to be empty in every dump: its key is recreated.
const HIDDEN: &str = "SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text) AS tables
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
       AND c.oid IS DISTINCT FROM to_regclass('public.request_binding_keys')
       AND (NOT has_table_privilege(c.oid, 'SELECT') OR c.relrowsecurity AND (
            NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND p.polroles && ARRAY[0, current_user::regrole]::oid[])
            OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
                AND p.polroles && ARRAY[0, current_user::regrole]::oid[])))";

const HAS_SEALS: &str = "SELECT to_regclass('public.audit_seals') IS NOT NULL AS has_seals";
const LAST_SEAL: &str =
    "SELECT number, encode(hash, 'hex') AS hash FROM public.audit_seals ORDER BY number DESC LIMIT 1";

/// The kinds of objects that must be the same in the restored database as in the dumped one: one digest for each.
const CATALOGUE: [(&str, &str); 7] = [
    (
        "tables",
        "SELECT format('%s %s %s %s %s', c.oid::regclass, c.relkind, c.relrowsecurity, c.relforcerowsecurity, r.rolname) AS line
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname = 'public'",
    ),
    (
        "columns",
        "SELECT format('%s %s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS line
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname = 'public'",
    ),
    (
        "constraints",
        "SELECT format('%s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS line
          FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = 'public'",
    ),
    (
        "indexes",
        "SELECT format('%s %s', pg_get_indexdef(i.indexrelid), i.indisvalid) AS line
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'",
    ),
    (
        "policies",
        "SELECT format('%s %s %s %s %s %s %s', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
                ARRAY(SELECT r.rolname FROM pg_roles r WHERE r.oid = ANY (p.polroles) ORDER BY 1), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS line
          FROM pg_policy p",
    ),
    (
        "functions",
        "SELECT format('%s %s %s', p.oid::regprocedure, r.rolname, md5(pg_get_functiondef(p.oid))) AS line
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner WHERE n.nspname = 'public' AND p.prokind IN ('f', 'p')
        UNION ALL
        SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal",
    ),
    (
        "grants",
        "SELECT format('%s %s %s', o.name, coalesce(r.rolname, 'public'), a.privilege_type) AS line
          FROM (SELECT c.oid::regclass::text AS name, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')
                UNION ALL
                SELECT c.oid::regclass || '.' || t.attname, t.attacl
                  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND t.attacl IS NOT NULL
                UNION ALL
                SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
                  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public') o
         CROSS JOIN LATERAL aclexplode(o.acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee",
    ),
];

/// Makes a connection act as the backup role.
pub(crate) async fn take_role(client: &Client) -> Result<(), BackupError> {
    let taken = client.batch_execute(SET_ROLE).await;
    taken.map_err(|error| BackupError::Role { role: ROLE.to_owned(), cause: holdfast_shared::db::cause(&error) })
}

/// The version of a PostgreSQL server.
#[derive(FromRow)]
pub(crate) struct ServerVersion {
    /// Full version, such as `15.18`.
    #[row(with = "first_word")]
    pub(crate) version: String,
    /// Major version.
    #[row(with = "i32::unsigned_abs")]
    pub(crate) major: u32,
}

/// Cuts the distribution's own version off: `15.18 (Debian 15.18-0+deb12u1)`.
fn first_word(version: &str) -> String {
    version.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Reads the version of the server.
pub(crate) async fn server(client: &Client) -> Result<ServerVersion, BackupError> {
    Ok(ServerVersion::from_row(&client.query_one(SERVER, &[]).await?)?)
}

/// Checks that the role sees every row of the database.
///
/// # Errors
/// [`BackupError::Hidden`], with the tables of which it does not.
pub(crate) async fn check_visibility(client: &Client) -> Result<(), BackupError> {
    client.batch_execute(QUALIFY).await?;
    match client.query_one(HIDDEN, &[]).await?.try_get::<_, Option<String>>("tables")? {
        Some(tables) => Err(BackupError::Hidden(tables)),
        None => Ok(()),
    }
}

/// Gathers the facts, in the snapshot of the connection's transaction.
pub(crate) async fn gather(client: &Client) -> Result<DatabaseFacts, BackupError> {
    client.batch_execute(QUALIFY).await?;
    let server = server(client).await?;
    let row = client.query_one(DATABASE, &[]).await?;
    Ok(DatabaseFacts {
        schema_version: row.try_get("schema_version")?,
        owner: row.try_get("owner")?,
        database_bytes: row.try_get("bytes")?,
        server_version: server.version,
        row_counts: row_counts(client).await?,
        catalogue: catalogue(client).await?,
        last_seal: last_seal(client).await?,
    })
}

/// Counts every table's rows. Names come from the catalogue, quoted by it.
async fn row_counts(client: &Client) -> Result<BTreeMap<String, i64>, BackupError> {
    let mut counts = BTreeMap::new();
    for row in client.query(TABLES, &[]).await? {
        let table: String = row.try_get("name")?;
        let count = client.query_one(&format!("SELECT count(*) AS rows FROM ONLY {table}"), &[]).await?;
        counts.insert(table, count.try_get("rows")?);
    }
    Ok(counts)
}

async fn catalogue(client: &Client) -> Result<BTreeMap<String, String>, BackupError> {
    let mut digests = BTreeMap::new();
    for (kind, lines) in CATALOGUE {
        let digest = "SELECT coalesce(encode(sha256(convert_to(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), 'UTF8')), 'hex'), '') AS digest";
        let row = client.query_one(&format!("{digest} FROM ({lines}) AS lines"), &[]).await?;
        digests.insert(kind.to_owned(), row.try_get("digest")?);
    }
    Ok(digests)
}

async fn last_seal(client: &Client) -> Result<Option<SealReference>, BackupError> {
    if !client.query_one(HAS_SEALS, &[]).await?.try_get::<_, bool>("has_seals")? {
        return Ok(None);
    }
    let row = client.query_opt(LAST_SEAL, &[]).await?;
    Ok(row.as_ref().map(SealReference::from_row).transpose()?)
}
