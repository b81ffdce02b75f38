//! A backup: `pg_dump` in a snapshot that this process holds open, so that the manifest's counts are those of the dump. The
//! dump goes from the program's standard output into the store and is hashed on the way. It is never on a local disk, and
//! appears in the store only when it is complete.

use std::process::Stdio;

use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use tokio::io::AsyncReadExt;
use tokio_postgres::Client;

use crate::child::RunningProgram;
use crate::digest::Digester;
use crate::error::BackupError;
use crate::ledger::{Ledger, Summary};
use crate::manifest::{DatabaseFacts, Manifest};
use crate::plan::Plan;
use crate::programs::Program;
use crate::progress::{Progress, Watch};
use crate::store::BackupStore;
use crate::{canary, facts};

const PROGRAM: &str = "pg_dump";

/// A dump contains what was committed before this, and nothing that was committed later.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const EXPORT: &str = "SELECT pg_export_snapshot() AS id";

/// Bytes read from the program at a time.
const CHUNK: usize = 256 << 10;

/// The custom format, which `pg_restore` reads from a pipe, at gzip's lowest level: the default level takes two and a half
/// times as long and saves a twentieth. Rows are read under the role's policies, of which [`facts::check_visibility`] has
/// checked that they hide nothing; without `--enable-row-security` the program would not read them.
const ARGUMENTS: [&str; 6] = [
    "--format=custom",
    "--compress=1",
    "--enable-row-security",
    "--role=holdfast_backup",
    "--no-password",
    "--lock-wait-timeout=30s",
];

/// An open transaction whose snapshot other connections can use.
struct Snapshot {
    client: Client,
    id: String,
    facts: DatabaseFacts,
}

/// Finds `pg_dump`, at least of the server's major version.
pub(crate) async fn program(plan: &Plan, ledger: &Ledger) -> Result<Program, BackupError> {
    let server = facts::server(ledger.client()).await?;
    plan.programs.find(PROGRAM, server.major).await
}

/// Creates a backup, under the lock that the ledger holds.
pub(crate) async fn run(
    plan: &Plan,
    ledger: &Ledger,
    program: &Program,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let leftovers = plan.store.clean_up().await?;
    if leftovers > 0 {
        tracing::warn!(leftovers, "removed unfinished uploads of an earlier run");
    }
    let taken_at = clock.now();
    if let Some(providers) = &plan.vault {
        canary::seal(ledger.client(), providers, rng, taken_at).await?;
    }
    let snapshot = Snapshot::take(plan).await?;
    let name = format!("{}-{}", taken_at.strftime("%Y%m%dT%H%M%S%6fZ"), rng.uuid(taken_at).simple());
    let key = plan.store.key(&name);

    let digest = dump(plan, &snapshot, program, &key, clock, watch).await?;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        dump: key.clone(),
        taken_at,
        holdfast_version: env!("CARGO_PKG_VERSION").to_owned(),
        facts: snapshot.facts,
        dump_bytes: digest.bytes(),
        sha256: digest.hex(),
        client_version: program.version.clone(),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| BackupError::store(&key, &error))?;
    plan.store.put(&BackupStore::manifest_of(&key), text, clock.now()).await?;
    let pruned = plan.store.prune()?;
    if pruned > 0 {
        tracing::info!(pruned, "removed the oldest backups");
    }
    Ok(Summary {
        object_key: key,
        schema_version: manifest.facts.schema_version,
        size_bytes: manifest.facts.database_bytes,
        compressed_bytes: manifest.dump_bytes,
        sha256: manifest.sha256,
        server_version: manifest.facts.server_version,
        row_counts: manifest.facts.row_counts,
        canary: None,
    })
}

/// Runs the program and stores its output. The object appears only if the program succeeds.
async fn dump(
    plan: &Plan,
    snapshot: &Snapshot,
    program: &Program,
    key: &str,
    clock: &dyn Clock,
    watch: &Watch<'_>,
) -> Result<Digester, BackupError> {
    let mut command = plan.database.command(&program.path)?;
    command.args(ARGUMENTS).arg(format!("--snapshot={}", snapshot.id));
    let mut running = RunningProgram::start(PROGRAM, command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let output = running.child.stdout.take();
    let mut output = output.ok_or_else(|| running.failed("it has no standard output".to_owned()))?;

    let mut upload = plan.store.begin(key, clock.now()).await?;
    let mut digest = Digester::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = output.read(&mut chunk).await.map_err(|error| running.failed(error.to_string()))?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
        upload.write(bytes).await?;
        watch(Progress { doing: "dumping", bytes: digest.bytes(), of: None });
    }
    running.end().await?;
    // Fails if the snapshot ended before the program did.
    snapshot.client.batch_execute("COMMIT").await?;
    upload.finish().await?;
    Ok(digest)
}

impl Snapshot {
    async fn take(plan: &Plan) -> Result<Self, BackupError> {
        let client = plan.database.connect().await?;
        facts::take_role(&client).await?;
        client.batch_execute(BEGIN).await?;
        let id = client.query_one(EXPORT, &[]).await?.try_get("id")?;
        facts::check_visibility(&client).await?;
        let facts = facts::gather(&client).await?;
        Ok(Self { client, id, facts })
    }
}
