//! `holdfast audit`: verification of the audit log, from files alone or against the stored seals.

mod prove;
mod verify;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};
use holdfast_shared::audit::{AuditKeys, AuditRow, PinnedKeys, RowReader, SealDocument};

/// Verify the audit log, offline or against the stored seals, or prove a single row of it
#[derive(Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Verify),
    Prove(prove::Prove),
}

impl Audit {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Verify(verify) => verify.execute().await,
            Command::Prove(prove) => prove.execute().await,
        }
    }
}

/// Opens a file; errors name its path.
fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file))
}

/// Reads the public keys of a JWKS file.
fn keys(path: &Path) -> anyhow::Result<AuditKeys> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    AuditKeys::from_jwks(&text)
        .with_context(|| format!("{} is not a key set; fetch /.well-known/audit-jwks.json", path.display()))
}

/// Pins the keys of a JWKS file.
fn pins(path: &Path) -> anyhow::Result<PinnedKeys> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    PinnedKeys::from_jwks(&text).with_context(|| format!("{} is not a key set", path.display()))
}

/// Reads the seals of a file: the lines of `GET /admin/audit/seals`, or the bucket's objects concatenated.
fn seals(path: &Path) -> anyhow::Result<Vec<SealDocument>> {
    let documents = serde_json::Deserializer::from_reader(open(path)?).into_iter();
    documents.collect::<Result<_, _>>().with_context(|| {
        format!(
            "{} contains something that is not a seal; fetch /admin/audit/seals, or the bucket's objects",
            path.display()
        )
    })
}

/// Reads the rows of an export.
fn rows(path: &Path) -> anyhow::Result<RowReader<BufReader<File>>> {
    RowReader::new(open(path)?).with_context(|| format!("{} cannot be read", path.display()))
}

/// Reads the first row of an export, which names its tenant.
fn first_row(path: &Path) -> anyhow::Result<Option<AuditRow>> {
    rows(path)?.next().transpose().with_context(|| format!("{} is not an export", path.display()))
}
