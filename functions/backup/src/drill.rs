//! The drill: restores the newest backup into a scratch database, compares it with its manifest, verifies its audit
//! seals, opens its canary, and drops the database again, whatever happens. The next drill drops what a killed one left.

use data_encoding::HEXLOWER;
use holdfast_shared::config::ConfigError;
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use crate::error::BackupError;
use crate::ledger::Summary;
use crate::login::Login;
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::progress::Watch;
use crate::restore::{self, Source};
use crate::{canary, seals};

/// Prefix of the scratch database's name. No other database may have it.
const PREFIX: &str = "holdfast_drill_";
const QUOTE: &str = "SELECT quote_ident($1) AS quoted";

/// The scratch database of a drill and its server. Its name is always the same for a deployment, so that a drill finds what
/// a killed one left.
struct ScratchDatabase {
    server: Client,
    login: Login,
    name: String,
}

/// Restores the newest backup, under the lock that the caller holds.
pub(crate) async fn run(plan: &Plan, watch: &Watch<'_>) -> Result<Summary, BackupError> {
    let scratch = ScratchDatabase::prepare(plan).await?;
    let done = match tokio::time::timeout(plan.time_limit, restore_and_check(plan, &scratch, watch)).await {
        Ok(done) => done,
        Err(_) => Err(BackupError::OutOfTime),
    };
    // An error of the drill matters more than one of the clean-up.
    let dropped = scratch.clear().await;
    let summary = done?;
    dropped.map(|()| summary)
}

async fn restore_and_check(plan: &Plan, scratch: &ScratchDatabase, watch: &Watch<'_>) -> Result<Summary, BackupError> {
    let source = Source::newest(&plan.store).await?;
    scratch.create(&source.owner().await?).await?;
    let (client, restored) = restore::fill(&source, &scratch.login, &plan.programs, watch).await?;
    let pins = plan.audit_pins.get().await.map_err(|error| BackupError::AuditKey(error.to_string()))?;
    seals::verify(&client, pins).await?;
    let canary = match &plan.vault {
        Some(providers) => {
            canary::open(&client, providers).await?;
            "opened"
        }
        None => "none",
    };
    let Manifest { facts, dump, dump_bytes, sha256, .. } = restored.manifest;
    Ok(Summary {
        object_key: dump,
        schema_version: facts.schema_version,
        size_bytes: facts.database_bytes,
        compressed_bytes: dump_bytes,
        sha256,
        server_version: restored.server_version,
        row_counts: facts.row_counts,
        canary: Some(canary),
    })
}

impl Plan {
    /// The name of the database that drills restore to.
    pub fn scratch_database(&self) -> Result<String, BackupError> {
        let digest = HEXLOWER.encode(&Sha256::digest(self.database.address()?.as_bytes()));
        Ok(format!("{PREFIX}{}", digest.get(..16).unwrap_or_default()))
    }
}

impl ScratchDatabase {
    /// Connects, and drops what a killed drill left.
    async fn prepare(plan: &Plan) -> Result<Self, BackupError> {
        let server = plan.drill.as_ref().ok_or_else(|| {
            let fix = "set postgres://user:password@host:5432/postgres of a role with CREATEDB";
            ConfigError::new("DRILL_DATABASE_URL", "not set, so there is nowhere to restore to", fix)
        })?;
        let name = plan.scratch_database()?;
        let scratch = Self { login: server.to_database(&name)?, server: server.connect().await?, name };
        scratch.clear().await?;
        Ok(scratch)
    }

    /// Creates the scratch database. Its name needs no quotes.
    async fn create(&self, owner: &str) -> Result<(), BackupError> {
        let owner: String = self.server.query_one(QUOTE, &[&owner]).await?.try_get("quoted")?;
        let create = format!("CREATE DATABASE {} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'", self.name);
        Ok(self.server.batch_execute(&create).await?)
    }

    async fn clear(&self) -> Result<(), BackupError> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        Ok(self.server.batch_execute(&drop).await?)
    }
}
