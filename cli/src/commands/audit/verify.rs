//! `holdfast audit verify`: verifies an export against the seals, or the proof of one row, with the public keys alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use holdfast_maintenance::{SealStore, Verification, VerificationPlan};
use holdfast_shared::audit::{self, Proof, SealDocument, VerificationError, Verified};
use holdfast_shared::config::Settings;
use holdfast_shared::id::TenantId;

use super::{first_row, keys, open, pins, rows, seals};
use crate::commands::print;

/// Verify an export against the seals, or a proof by `holdfast audit prove`
///
/// Works offline, unless `--store` compares the stored seals with the database. The export is that of GET /admin/audit/export, unfiltered, all pages concatenated; the seals are those of
/// GET /admin/audit/seals, fetched before it, or the bucket's objects in order. On a mismatch, names the first wrong row or
/// seal and exits with code 1.
#[derive(Args)]
pub(super) struct Verify {
    /// Export, NDJSON or CSV
    #[arg(long, value_name = "FILE", required_unless_present_any = ["proof", "store"], requires = "seals")]
    export: Option<PathBuf>,
    /// Seals
    #[arg(long, value_name = "FILE")]
    seals: Option<PathBuf>,
    /// Trusted key set, as fetched from /.well-known/audit-jwks.json
    #[arg(long, value_name = "FILE", required_unless_present = "store")]
    jwks: Option<PathBuf>,
    /// Proof of one row, instead of an export
    #[arg(long, value_name = "FILE", conflicts_with_all = ["export", "seals"])]
    proof: Option<PathBuf>,
    /// Id of the tenant whose log it is; required only if the export has no rows and the seals are of several tenants
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// Store of seals, `s3://BUCKET` or a folder, to compare the database of `DATABASE_URL` with, instead of files
    #[arg(long, value_name = "LOCATION", conflicts_with_all = ["export", "seals", "proof", "tenant"])]
    store: Option<String>,
    /// Limit of the newest seals whose rows are compared with the store; all by default
    #[arg(long, value_name = "NUMBER", requires = "store")]
    newest: Option<usize>,
}

impl Verify {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        if let Some(location) = &self.store {
            return against_store(location, self.jwks.as_deref(), self.newest).await;
        }
        let keys = keys(self.jwks.as_deref().context("give --jwks")?)?;
        if let Some(path) = &self.proof {
            let proof: Proof = serde_json::from_reader(open(path)?)
                .with_context(|| format!("{} is not a proof; `holdfast audit prove` creates one", path.display()))?;
            let (row, seal) = proof.check(&keys).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            let (number, at) = (seal.number, seal.sealed_at);
            return print(&format!("Row {} is as it was sealed at {at} (seal {number}).\n", row.id));
        }
        let (Some(export), Some(path)) = (&self.export, &self.seals) else { bail!("give --export and --seals") };
        let documents = seals(path)?;
        let first = first_row(export)?.map(|row| row.tenant_id);
        let tenant = self.tenant.or(first).or_else(|| only_tenant(&documents));
        let tenant = tenant.context("the export has no rows, and the seals are of several tenants; give --tenant")?;
        let verified = audit::verify(&keys, &documents, tenant, rows(export)?).map_err(|failure| match failure {
            VerificationError::Fault(bad) => anyhow!("{bad}"),
            VerificationError::Row(error) => anyhow!("{}: {error}", export.display()),
        })?;
        let Verified { seals, rows, dropped, unsealed, through } = verified;
        let through = through.map_or("There is no seal yet.".to_owned(), |(number, at)| {
            format!("Sealed through {at} (seal {number}); compare with the bucket whether that is the newest.")
        });
        print(&format!(
            "All {rows} rows in {seals} seals are as they were sealed; {dropped} of them were dropped with their month, and \
             {unsealed} more are not sealed yet.\n{through}\n",
        ))
    }
}

/// Compares a store of seals with the database, under the keys that the settings pin, or those of a key set.
async fn against_store(location: &str, jwks: Option<&Path>, newest: Option<usize>) -> anyhow::Result<()> {
    let settings = Settings::from_environment().await?;
    let mut plan = VerificationPlan::from_settings(&settings, Some(SealStore::at(location).await)).await?;
    if let Some(path) = jwks {
        plan.pins = pins(path)?;
    }
    plan.newest = newest;
    let Verification { seals, compared, rows, restores, findings } = holdfast_maintenance::verify(&plan).await?;
    for (seal, newest) in restores {
        print(&format!(
            "Seal {seal} records a restore that gave up the seals to {newest}; confirm that there was one.\n"
        ))?;
    }
    if findings.is_empty() {
        return print(&format!(
            "The database agrees with the {seals} stored seals; the {rows} rows of {compared} are as they were sealed.\n"
        ));
    }
    for finding in &findings {
        print(&format!("{finding}\n"))?;
    }
    bail!("{} findings: follow the runbook audit-tampered", findings.len())
}

/// Returns the tenant of the batches if it is the same for all.
fn only_tenant(documents: &[SealDocument]) -> Option<TenantId> {
    let mut tenants = documents.iter().flat_map(|document| {
        let batches = document.batches.iter().map(|batch| batch.tenant_id);
        batches.chain(document.state.as_ref().map(|state| state.tenant_id))
    });
    let first = tenants.next()?;
    tenants.all(|tenant| tenant == first).then_some(first)
}
