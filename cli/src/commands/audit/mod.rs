//! `holdfast audit`: what an auditor does, with no access to anything but files.

mod prove;
mod verify;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};
use holdfast_shared::audit::{AuditKeys, AuditRow, Document, RowReader};

/// Verifies an export of the audit log, and proves single rows of it
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
            Command::Verify(verify) => verify.execute(),
            Command::Prove(prove) => prove.execute().await,
        }
    }
}

/// A file to read, by name in what goes wrong.
fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file))
}

/// The keys of a JWKS.
fn keys(path: &Path) -> anyhow::Result<AuditKeys> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    AuditKeys::from_jwks(&text)
        .with_context(|| format!("{} is no key set; fetch /.well-known/audit-jwks.json", path.display()))
}

/// The seals of a file: the lines of `GET /admin/audit/seals`, or the bucket's objects one after the other.
fn seals(path: &Path) -> anyhow::Result<Vec<Document>> {
    let documents = serde_json::Deserializer::from_reader(open(path)?).into_iter();
    documents.collect::<Result<_, _>>().with_context(|| {
        format!("{} holds something that is no seal; fetch /admin/audit/seals, or the bucket's objects", path.display())
    })
}

/// The rows of an export.
fn rows(path: &Path) -> anyhow::Result<RowReader<BufReader<File>>> {
    RowReader::new(open(path)?).with_context(|| format!("{} cannot be read", path.display()))
}

/// The first row of an export, which tells whose it is.
fn first_row(path: &Path) -> anyhow::Result<Option<AuditRow>> {
    rows(path)?.next().transpose().with_context(|| format!("{} is no export", path.display()))
}
