//! `holdfast audit prove`: a self-contained proof that one row was sealed.

use holdfast_shared::db::FromRow;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use holdfast_shared::audit::{AuditRow, Batch, Hash, Proof};
use holdfast_shared::config::Settings;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{rows, seals};
use crate::commands::print;

const SET_ROLE: &str = "SET ROLE holdfast_maintenance";
/// Finds the row by the time in its id, so that one partition is searched.
const ROW: &str = concat!(
    "SELECT ",
    holdfast_shared::audit_columns!(),
    "
      FROM http_audit_log WHERE id = $1 AND at >= to_timestamp($2::bigint / 1000.0) - interval '1 second'
       AND at < to_timestamp($2::bigint / 1000.0) + interval '1 second'"
);
const BATCH: &str = "SELECT s.document, b.*,
        (SELECT p.head FROM audit_batches p WHERE p.tenant_id = b.tenant_id AND p.seal_number < b.seal_number ORDER BY p.seal_number DESC LIMIT 1) AS previous
      FROM audit_seals s JOIN audit_batches b ON b.seal_number = s.number AND b.tenant_id = $1
     WHERE s.epoch = $2 AND s.from_transaction <= $3::text::xid8 AND s.to_transaction > $3::text::xid8";

/// Print the proof that a row was sealed, for `holdfast audit verify --proof`
///
/// Reads an export and the seals, or the database that `DATABASE_URL` names: the login of the owner or of `holdfast_maintenance`.
#[derive(Args)]
pub(super) struct Prove {
    /// Id of the row
    row: Uuid,
    /// Export, NDJSON or CSV
    #[arg(long, value_name = "FILE", requires = "seals")]
    export: Option<PathBuf>,
    /// Seals
    #[arg(long, value_name = "FILE", requires = "export")]
    seals: Option<PathBuf>,
}

impl Prove {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let proof = match (&self.export, &self.seals) {
            (Some(export), Some(seals)) => from_files(self.row, export, seals)?,
            _ => from_database(self.row).await?,
        };
        print(&format!("{}\n", serde_json::to_string_pretty(&proof)?))
    }
}

const UNSEALED: &str =
    "the row is not sealed yet, or was changed after it was sealed; verify the whole export to find out";

fn from_files(id: Uuid, export: &Path, path: &Path) -> anyhow::Result<Proof> {
    let row = rows(export)?.find(|row| row.as_ref().map_or(true, |row| row.id == id));
    let row = row.transpose().with_context(|| format!("{} is not an export", export.display()))?;
    let row = row.with_context(|| format!("{} has no row {id}", export.display()))?;
    let mut previous = None;
    for document in seals(path)? {
        if let Some(batch) = document.batches.iter().find(|batch| batch.tenant_id == row.tenant_id) {
            if let Some(proof) = Proof::of(&row, batch, previous, &document.seal) {
                return Ok(proof);
            }
            previous = Some(batch.head);
        }
    }
    anyhow::bail!(UNSEALED)
}

async fn from_database(id: Uuid) -> anyhow::Result<Proof> {
    let settings = Settings::from_environment().await?;
    let url = settings.database_url("DATABASE_URL")?;
    let url = url.context("DATABASE_URL: not set; set the owner's login, or give --export and --seals")?;
    let ca_file = settings.get("DATABASE_CA_FILE").map(PathBuf::from);
    let client = holdfast_shared::db::connect_maintenance(&url, ca_file.as_deref()).await?;
    client.batch_execute(SET_ROLE).await.context("the login cannot act as holdfast_maintenance")?;
    let row = find(&client, id).await?.with_context(|| format!("row {id} not found"))?;
    let transaction = row.transaction_id.to_string();
    let found = client.query_opt(BATCH, &[&row.tenant_id, &row.epoch, &transaction]).await?.context(UNSEALED)?;
    let previous: Option<&[u8]> = found.try_get("previous")?;
    let batch = Batch::from_row(&found)?;
    Proof::of(&row, &batch, previous.and_then(Hash::from_slice), found.try_get("document")?).context(UNSEALED)
}

async fn find(client: &Client, id: Uuid) -> anyhow::Result<Option<AuditRow>> {
    ensure!(id.get_version_num() == 7, "{id} is not a row id");
    let (seconds, nanoseconds) = id.get_timestamp().map_or((0, 0), |time| time.to_unix());
    let milliseconds = i64::try_from(seconds)? * 1000 + i64::from(nanoseconds / 1_000_000);
    let row = client.query_opt(ROW, &[&id, &milliseconds]).await?;
    Ok(row.map(|row| AuditRow::from_row(&row)).transpose()?)
}
