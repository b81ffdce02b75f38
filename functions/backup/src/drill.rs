//! The drill: restores the newest backup into a scratch database, holds it against its manifest, verifies its audit
//! seals, opens its canary, and drops it again, whatever happens. A drill that was killed leaves its database to the next one, which drops it first.

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

/// What the scratch database's name begins with. Nothing else may be called so.
const PREFIX: &str = "holdfast_drill_";
const QUOTED: &str = "SELECT quote_ident($1)";

/// The server that a drill restores to, and the name of its scratch database: always the same one for a deployment, so that
/// what a killed drill left is found.
struct Ground {
    server: Client,
    login: Login,
    name: String,
}

/// Restores the newest backup, under the lock that the caller holds.
pub(crate) async fn run(plan: &Plan, watch: &Watch<'_>) -> Result<Summary, BackupError> {
    let ground = Ground::prepare(plan).await?;
    let done = match tokio::time::timeout(plan.time_limit, rehearse(plan, &ground, watch)).await {
        Ok(done) => done,
        Err(_) => Err(BackupError::OutOfTime),
    };
    // What the drill found counts for more than what its end did.
    let dropped = ground.clear().await;
    let summary = done?;
    dropped.map(|()| summary)
}

async fn rehearse(plan: &Plan, ground: &Ground, watch: &Watch<'_>) -> Result<Summary, BackupError> {
    let source = Source::newest(&plan.store).await?;
    ground.make(&source.owner().await?).await?;
    let (client, restored) = restore::fill(&source, &ground.login, &plan.programs, watch).await?;
    seals::verify(&client).await?;
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
        let digest = HEXLOWER.encode(&Sha256::digest(self.database.place()?.as_bytes()));
        Ok(format!("{PREFIX}{}", digest.get(..16).unwrap_or_default()))
    }
}

impl Ground {
    /// Connects, and drops what a killed drill has left.
    async fn prepare(plan: &Plan) -> Result<Self, BackupError> {
        let server = plan.drill.as_ref().ok_or_else(|| {
            let fix = "set postgres://user:password@host:5432/postgres of a role that may make databases";
            ConfigError::new("DRILL_DATABASE_URL", "not set, so there is nowhere to restore to", fix)
        })?;
        let name = plan.scratch_database()?;
        let ground = Self { login: server.to_database(&name)?, server: server.connect().await?, name };
        ground.clear().await?;
        Ok(ground)
    }

    /// Makes the scratch database. Its name needs no quotes.
    async fn make(&self, owner: &str) -> Result<(), BackupError> {
        let owner: String = self.server.query_one(QUOTED, &[&owner]).await?.try_get(0)?;
        let create = format!("CREATE DATABASE {} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'", self.name);
        Ok(self.server.batch_execute(&create).await?)
    }

    async fn clear(&self) -> Result<(), BackupError> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        Ok(self.server.batch_execute(&drop).await?)
    }
}
