//! `holdfast audit verify`: an export against the seals, or the proof of one row, with the public keys alone.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use holdfast_shared::audit::{self, Document, Failure, Proof, Verified};
use holdfast_shared::id::TenantId;

use super::{first_row, keys, open, rows, seals};
use crate::commands::print;

/// Verifies an export against the seals, or a proof that `holdfast audit prove` made
///
/// Works offline. The export is that of GET /admin/audit/export, unfiltered, all pages one after the other; the seals are
/// those of GET /admin/audit/seals, fetched before it, or the bucket's objects in their order. The first row or seal that
/// is wrong is named, and the exit code is 1.
#[derive(Args)]
pub(super) struct Verify {
    /// The export, NDJSON or CSV
    #[arg(long, value_name = "FILE", required_unless_present = "proof", requires = "seals")]
    export: Option<PathBuf>,
    /// The seals
    #[arg(long, value_name = "FILE")]
    seals: Option<PathBuf>,
    /// The key set that you know to be genuine, as /.well-known/audit-jwks.json gave it
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// The proof of one row, in the place of an export
    #[arg(long, value_name = "FILE", conflicts_with_all = ["export", "seals"])]
    proof: Option<PathBuf>,
    /// Whose log it is, by the tenant's id; needed only where the export has no row and the seals are of several tenants
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
}

impl Verify {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let keys = keys(&self.jwks)?;
        if let Some(path) = &self.proof {
            let proof: Proof = serde_json::from_reader(open(path)?)
                .with_context(|| format!("{} is no proof; `holdfast audit prove` makes one", path.display()))?;
            let (row, seal) = proof.check(&keys).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            let (number, at) = (seal.number, seal.sealed_at);
            return print(&format!("Row {} is as it was sealed at {at} (seal {number}).\n", row.id));
        }
        let (Some(export), Some(path)) = (&self.export, &self.seals) else { bail!("name --export and --seals") };
        let documents = seals(path)?;
        let first = first_row(export)?.map(|row| row.tenant_id);
        let tenant = self.tenant.or(first).or_else(|| only_tenant(&documents));
        let tenant = tenant.context("the export has no row, and the seals are of several tenants; name --tenant")?;
        let verified = audit::verify(&keys, &documents, tenant, rows(export)?).map_err(|failure| match failure {
            Failure::Bad(bad) => anyhow!("{bad}"),
            Failure::Unreadable(error) => anyhow!("{}: {error}", export.display()),
        })?;
        let Verified { seals, rows, dropped, unsealed, through } = verified;
        let through = through.map_or("There is no seal yet.".to_owned(), |(number, at)| {
            format!("Sealed through {at} (seal {number}); the bucket tells whether that is the newest.")
        });
        print(&format!(
            "All {rows} rows in {seals} seals are as they were sealed; {dropped} of them were dropped with their month, and \
             {unsealed} more are not sealed yet.\n{through}\n",
        ))
    }
}

/// The tenant that all batches are of.
fn only_tenant(documents: &[Document]) -> Option<TenantId> {
    let mut tenants = documents.iter().flat_map(|document| {
        let batches = document.batches.iter().map(|batch| batch.tenant_id);
        batches.chain(document.state.as_ref().map(|state| state.tenant_id))
    });
    let first = tenants.next()?;
    tenants.all(|tenant| tenant == first).then_some(first)
}
