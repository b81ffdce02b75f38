//! A backup: the rows of every table in one snapshot, copied into an archive. It goes from the database into the store and is
//! hashed on the way. It is never on a local disk, holds no code, and appears in the store only when it is complete.

use std::pin::pin;

use futures_util::StreamExt;
use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use tokio_postgres::Client;

use crate::archive::ArchiveWriter;
use crate::error::BackupError;
use crate::ledger::{Ledger, Summary};
use crate::manifest::{Manifest, StoredTable};
use crate::plan::Plan;
use crate::progress::{Progress, Watch};
use crate::store::BackupStore;
use crate::tables::Table;
use crate::{canary, facts, signer, snapshot, tables};

/// Creates a backup, under the lock that the ledger holds.
pub(crate) async fn run(
    plan: &Plan,
    ledger: &Ledger,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let leftovers = plan.store.clean_up().await?;
    if leftovers > 0 {
        tracing::warn!(leftovers, "removed unfinished uploads of an earlier run");
    }
    // Before any work: a backup that nothing signs would never be restored.
    let signer = plan.signing_key.as_ref().ok_or_else(signer::missing)?.signer().await?;
    let taken_at = clock.now();
    if let Some(providers) = &plan.vault {
        canary::seal(ledger.client(), providers, rng, taken_at).await?;
    }
    let tables = tables::of_this_build();
    let client = plan.database.connect().await?;
    snapshot::begin(&client, &tables).await?;
    let name = format!("{}-{}", taken_at.strftime("%Y%m%dT%H%M%S%6fZ"), rng.uuid(taken_at).simple());
    let key = plan.store.key(&name);
    let facts = facts::gather(&client).await?;

    let upload = plan.store.begin(&key, clock.now()).await?;
    let mut archive = ArchiveWriter::new(upload, taken_at);
    let stored = copy(&client, &tables, &mut archive, watch).await?;
    let (upload, digest) = archive.end().await?;
    // Fails if the snapshot ended before the last row was read.
    client.batch_execute("COMMIT").await?;
    upload.finish().await?;

    let manifest = Manifest {
        format: Manifest::FORMAT,
        archive: BackupStore::name_of(&key).to_owned(),
        taken_at,
        holdfast_version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version: facts.schema_version,
        schema_fingerprint: tables::fingerprint(&tables),
        server_version: facts.server_version,
        database_bytes: facts.database_bytes,
        audit_epoch: facts.audit_epoch,
        audit_months: facts.audit_months,
        last_seal: facts.last_seal,
        tables: stored,
        bytes: digest.bytes(),
        sha256: digest.hex(),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| BackupError::store(&key, &error))?;
    let signature = Manifest::sign(&key, &text, &signer).await?;
    if let Err(error) = describe(&plan.store, &key, signature, text, clock).await {
        plan.store.discard(&key)?;
        return Err(error);
    }
    let pruned = plan.store.prune()?;
    if pruned > 0 {
        tracing::info!(pruned, "removed the oldest backups");
    }
    Ok(Summary {
        object_key: key,
        schema_version: manifest.schema_version,
        size_bytes: manifest.database_bytes,
        compressed_bytes: manifest.bytes,
        row_counts: manifest.row_counts(),
        sha256: manifest.sha256,
        server_version: manifest.server_version,
        canary: None,
        signed_by: Some(signer.public().thumbprint()),
    })
}

/// Stores the signature, then the manifest, which makes the archive a backup.
async fn describe(
    store: &BackupStore,
    archive: &str,
    signature: String,
    manifest: String,
    clock: &dyn Clock,
) -> Result<(), BackupError> {
    store.put(&BackupStore::signature_of(archive), signature, clock.now()).await?;
    store.put(&BackupStore::manifest_of(archive), manifest, clock.now()).await
}

async fn copy(
    client: &Client,
    tables: &[Table],
    archive: &mut ArchiveWriter,
    watch: &Watch<'_>,
) -> Result<Vec<StoredTable>, BackupError> {
    let mut stored = Vec::with_capacity(tables.len());
    for table in tables {
        let mut writer = archive.table(table);
        let mut chunks = pin!(snapshot::rows_of(client, table).await?);
        while let Some(chunk) = chunks.next().await {
            writer.write(&chunk?).await?;
            watch(Progress { doing: "copying", bytes: writer.archive_bytes(), of: None });
        }
        stored.push(writer.end().await?);
    }
    Ok(stored)
}
