//! The restore: into an empty database only, and only after the whole dump is verified against its manifest. The restored
//! database is then compared with the manifest: rows, constraints, policies, grants, the newest seal.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio_postgres::Client;

use crate::child::RunningProgram;
use crate::digest::Digester;
use crate::error::BackupError;
use crate::facts;
use crate::ledger::Ledger;
use crate::login::Login;
use crate::manifest::{DatabaseFacts, Manifest};
use crate::plan::Plan;
use crate::programs::{Program, Programs, major};
use crate::progress::{Progress, Watch};
use crate::store::{BackupStore, Reader};

const PROGRAM: &str = "pg_restore";

/// All or nothing, and no error ignored.
const ARGUMENTS: [&str; 3] = ["--exit-on-error", "--single-transaction", "--no-password"];

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%')
       AND NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%')
       AND NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%') AS is_empty";

/// True if the login can act as a role; NULL if there is no such role.
const IS_MEMBER: &str =
    "SELECT (SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1) AS is_member";
const QUOTE: &str = "SELECT quote_ident($1) AS quoted";

/// Creates the roles that are missing, as the first migration does: roles belong to the server and are not in the dump.
const ROLES: &str = "DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['holdfast_app', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance', 'holdfast_definer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['holdfast_backup', 'holdfast_maintenance', 'holdfast_definer'] LOOP
        IF NOT pg_has_role(current_setting('holdfast.owner'), name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', name, current_setting('holdfast.owner'));
        END IF;
    END LOOP;
END $$";
const SET_OWNER: &str = "SELECT set_config('holdfast.owner', $1, false)";

/// Lets functions be given to `holdfast_definer`; [`CLOSE`] revokes it.
const OPEN_SCHEMA: &str = "GRANT CREATE ON SCHEMA public TO holdfast_definer";
const CLOSE: &str = "REVOKE CREATE ON SCHEMA public FROM holdfast_definer;
    DO $$ BEGIN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance', current_database());
    END $$";

const UNVALIDATED: &str = "SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', c.conrelid::regclass, c.conname) AS statement, c.conname::text AS name
      FROM pg_constraint c WHERE NOT c.convalidated AND c.contype IN ('c', 'f') AND c.conparentid = 0 AND c.coninhcount = 0 ORDER BY statement";

/// A restored cluster starts its transaction numbers over, and the audit log's seals are ordered by them.
const HAS_EPOCHS: &str = "SELECT to_regprocedure('public.begin_audit_epoch()') IS NOT NULL AS has_epochs";
const BEGIN_EPOCH: &str = "SET search_path = public; SELECT begin_audit_epoch()";

/// A backup to restore.
#[derive(Debug, Clone)]
pub struct Source {
    store: BackupStore,
    dump: String,
}

/// Result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Manifest of the backup.
    pub manifest: Manifest,
    /// Version of the server that it was restored to.
    pub server_version: String,
    /// Version of `pg_restore`.
    pub client_version: String,
}

impl Source {
    /// A dump in a store, by its key.
    pub fn new(store: BackupStore, dump: &str) -> Self {
        Self { store, dump: dump.to_owned() }
    }

    /// The newest backup of a store.
    pub async fn newest(store: &BackupStore) -> Result<Self, BackupError> {
        let newest = store.newest().await?;
        let dump = newest.ok_or_else(|| BackupError::NoBackup(store.name()))?;
        Ok(Self { store: store.clone(), dump })
    }

    /// The role that owned the database that was backed up.
    pub(crate) async fn owner(&self) -> Result<String, BackupError> {
        Ok(Manifest::of(&self.store, &self.dump).await?.facts.owner)
    }

    /// Reads the whole dump and compares its digest. Returns a reader at its beginning.
    async fn verified(&self, manifest: &Manifest, watch: &Watch<'_>) -> Result<Reader, BackupError> {
        let mut reader = self.store.read(&self.dump).await?;
        let mut digest = Digester::default();
        while let Some(chunk) = reader.next().await? {
            digest.update(&chunk);
            watch(Progress { doing: "verifying", bytes: digest.bytes(), of: Some(manifest.dump_bytes) });
        }
        if digest.hex() == manifest.sha256 { reader.again().await } else { Err(self.altered()) }
    }

    fn altered(&self) -> BackupError {
        BackupError::Altered { key: self.dump.clone() }
    }
}

/// The program that a drill would use, as far as it is known before a manifest is read.
pub(crate) async fn program(plan: &Plan, ledger: &Ledger) -> Result<Program, BackupError> {
    let server = facts::server(ledger.client()).await?;
    plan.programs.find(PROGRAM, server.major).await
}

/// Restores a backup into the database that a URL names, which must be empty, and begins a new epoch of the audit log there.
///
/// # Errors
/// One line that names the fix. [`BackupError::Differs`] if the restored database differs from the one that was backed up:
/// then it exists and must not be used.
pub async fn restore(
    source: &Source,
    into: &Login,
    programs: &Programs,
    watch: &Watch<'_>,
) -> Result<Restored, BackupError> {
    let (client, restored) = fill(source, into, programs, watch).await?;
    take_role(&client, &restored.manifest.facts.owner).await?;
    if client.query_one(HAS_EPOCHS, &[]).await?.try_get("has_epochs")? {
        client.batch_execute(BEGIN_EPOCH).await?;
    }
    client.batch_execute("ANALYZE").await?;
    Ok(restored)
}

/// Restores and compares. Returns the connection, as the backup role.
pub(crate) async fn fill(
    source: &Source,
    into: &Login,
    programs: &Programs,
    watch: &Watch<'_>,
) -> Result<(Client, Restored), BackupError> {
    let manifest = Manifest::of(&source.store, &source.dump).await?;
    let client = into.connect().await?;
    if !client.query_one(IS_EMPTY, &[]).await?.try_get::<_, bool>("is_empty")? {
        return Err(BackupError::NotEmpty(into.database().to_owned()));
    }
    let server = facts::server(&client).await?;
    let wanted = [&manifest.client_version, &manifest.facts.server_version].into_iter().filter_map(|text| major(text));
    let program = programs.find(PROGRAM, wanted.max().unwrap_or(0).max(server.major)).await?;
    let reader = source.verified(&manifest, watch).await?;

    let owner = &manifest.facts.owner;
    prepare(&client, owner).await?;
    let mut command = into.command(&program.path)?;
    command.args(ARGUMENTS).arg(format!("--role={owner}")).arg(format!("--dbname={}", conninfo(into.database())));
    let mut running = RunningProgram::start(PROGRAM, command.stdin(Stdio::piped()).stdout(Stdio::null()))?;
    let input = running.child.stdin.take();
    let input = input.ok_or_else(|| running.failed("it has no standard input".to_owned()))?;
    feed(source, reader, input, &manifest, watch).await?;
    running.end().await?;
    client.batch_execute(CLOSE).await?;

    facts::take_role(&client).await?;
    let found = facts::gather(&client).await?;
    compare(&manifest.facts, &found, major(&manifest.facts.server_version) == Some(server.major))?;
    take_role(&client, owner).await?;
    validate(&client).await?;
    facts::take_role(&client).await?;
    Ok((client, Restored { manifest, server_version: server.version, client_version: program.version }))
}

/// Creates the roles and grants that the dump's objects need.
async fn prepare(client: &Client, owner: &str) -> Result<(), BackupError> {
    let role = |cause: &str| BackupError::Role { role: owner.to_owned(), cause: cause.to_owned() };
    match client.query_one(IS_MEMBER, &[&owner]).await?.try_get("is_member")? {
        Some(true) => {}
        Some(false) => return Err(role("it owned the database that was backed up, and is not granted to the login")),
        None => return Err(role("it owned the database that was backed up, and there is no such role here")),
    }
    client.execute(SET_OWNER, &[&owner]).await?;
    client.batch_execute(ROLES).await?;
    take_role(client, owner).await?;
    client.batch_execute(OPEN_SCHEMA).await?;
    Ok(())
}

async fn take_role(client: &Client, role: &str) -> Result<(), BackupError> {
    let quoted: String = client.query_one(QUOTE, &[&role]).await?.try_get("quoted")?;
    let taken = client.batch_execute(&format!("SET ROLE {quoted}")).await;
    taken.map_err(|error| BackupError::Role { role: role.to_owned(), cause: holdfast_shared::db::cause(&error) })
}

/// Feeds the dump to the program. The last chunk is held back until the digest of everything is checked again: without it,
/// the program commits nothing.
async fn feed(
    source: &Source,
    mut reader: Reader,
    mut input: ChildStdin,
    manifest: &Manifest,
    watch: &Watch<'_>,
) -> Result<(), BackupError> {
    let mut digest = Digester::default();
    let mut last = None;
    while let Some(chunk) = reader.next().await? {
        digest.update(&chunk);
        if let Some(before) = last.replace(chunk)
            && input.write_all(&before).await.is_err()
        {
            // The program has ended; its status says why.
            return Ok(());
        }
        watch(Progress { doing: "restoring", bytes: digest.bytes(), of: Some(manifest.dump_bytes) });
    }
    if digest.hex() != manifest.sha256 {
        return Err(source.altered());
    }
    // Errors are ignored for the same reason.
    let _ = input.write_all(&last.unwrap_or_default()).await;
    let _ = input.shutdown().await;
    Ok(())
}

/// Compares two databases and names the first difference. Other versions of PostgreSQL print their catalogues differently.
fn compare(expected: &DatabaseFacts, found: &DatabaseFacts, same_version: bool) -> Result<(), BackupError> {
    let differs = |what: String| Err(BackupError::Differs(what));
    if found.schema_version != expected.schema_version {
        return differs(format!("its schema is at version {}, not {}", found.schema_version, expected.schema_version));
    }
    for (table, count) in &expected.row_counts {
        let rows = found.row_counts.get(table);
        if rows != Some(count) {
            let rows = rows.map_or("is missing".to_owned(), |rows| format!("has {rows} rows"));
            return differs(format!("{table} {rows}, not {count}"));
        }
    }
    let new = found.row_counts.keys().find(|table| !expected.row_counts.contains_key(*table));
    if let Some(table) = new {
        return differs(format!("{table} was not in the backup"));
    }
    let kinds = expected.catalogue.iter().filter(|_| same_version);
    for (kind, digest) in kinds {
        if found.catalogue.get(kind) != Some(digest) {
            return differs(format!("its {kind} differ"));
        }
    }
    if found.last_seal != expected.last_seal {
        return differs("its newest audit seal differs".to_owned());
    }
    Ok(())
}

/// Validates every constraint that was added with NOT VALID.
async fn validate(client: &Client) -> Result<(), BackupError> {
    for row in client.query(UNVALIDATED, &[]).await? {
        let (statement, constraint): (String, String) = (row.try_get("statement")?, row.try_get("name")?);
        let validated = client.batch_execute(&statement).await;
        validated.map_err(|_| BackupError::Differs(format!("its rows violate the constraint {constraint}")))?;
    }
    Ok(())
}

/// A connection string for a database. Needed since the name itself could look like a connection string.
fn conninfo(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}
