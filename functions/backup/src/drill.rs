//! The drill: restores the newest backup into a scratch database of another server, compares it with its manifest, verifies
//! its schema and its audit seals, opens its canary, and drops the database again, whatever happens. The next drill drops
//! what a killed one left.

use std::time::Duration;

use data_encoding::HEXLOWER;
use holdfast_shared::clock::Clock;
use holdfast_shared::config::ConfigError;
use holdfast_shared::db::{FromRow, OwnerError};
use holdfast_shared::rng::Rng;
use holdfast_shared::schema::{self, SchemaObject};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use crate::error::BackupError;
use crate::facts::{self, ServerIdentity};
use crate::ledger::{Ledger, Summary};
use crate::login::Login;
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::progress::Watch;
use crate::restore::{self, Source};
use crate::store::BackupStore;
use crate::{canary, seals};

/// Prefix of the scratch database's name. No other database may have it.
const PREFIX: &str = "holdfast_drill_";

/// Time within which a server that stops between drills must wake up, and the pause between two attempts.
const WAKE_TIME: Duration = Duration::from_mins(1);
const WAKE_PAUSE: Duration = Duration::from_secs(2);

/// The scratch database of a drill and its server. Its name is always the same for a deployment, so that a drill finds what
/// a killed one left.
struct ScratchDatabase {
    server: Client,
    login: Login,
    name: String,
}

/// Restores the newest backup, under the lock that the ledger holds.
pub(crate) async fn run(
    plan: &Plan,
    ledger: &Ledger,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let scratch = ScratchDatabase::prepare(plan, ledger).await?;
    let checked = restore_and_check(plan, ledger, &scratch, clock, rng, watch);
    let done = match tokio::time::timeout(plan.time_limit, checked).await {
        Ok(done) => done,
        Err(_) => Err(BackupError::OutOfTime),
    };
    // An error of the drill matters more than one of the clean-up.
    let dropped = scratch.clear().await;
    let summary = done?;
    dropped.map(|()| summary)
}

async fn restore_and_check(
    plan: &Plan,
    ledger: &Ledger,
    scratch: &ScratchDatabase,
    clock: &dyn Clock,
    rng: &dyn Rng,
    watch: &Watch<'_>,
) -> Result<Summary, BackupError> {
    let pins = plan.backup_pins.get().await.map_err(|error| BackupError::SigningKey(error.to_string()))?;
    let source = Source::newest(&plan.store, pins.clone()).await?;
    check_newest(ledger, &source).await?;
    scratch.create().await?;
    let (client, restored) = restore::fill(&source, &scratch.login, clock, rng, watch).await?;
    check_schema(&client).await?;
    facts::take_role(&client).await?;
    let pins = plan.audit_pins.get().await.map_err(|error| BackupError::AuditKey(error.to_string()))?;
    seals::verify(&client, pins).await?;
    let canary = match &plan.vault {
        Some(providers) => {
            canary::open(&client, providers).await?;
            "opened"
        }
        None => "none",
    };
    let Manifest { schema_version, database_bytes, bytes, sha256, .. } = &restored.manifest;
    Ok(Summary {
        object_key: source.archive().to_owned(),
        schema_version: *schema_version,
        size_bytes: *database_bytes,
        compressed_bytes: *bytes,
        sha256: sha256.clone(),
        server_version: restored.server_version,
        row_counts: restored.manifest.row_counts(),
        canary: Some(canary),
        signed_by: None,
    })
}

/// Connects to the drill's server, which may be asleep and takes a while to wake up.
async fn connect(drill: &Login) -> Result<Client, BackupError> {
    let waking = tokio::time::Instant::now() + WAKE_TIME;
    loop {
        match drill.connect().await {
            Err(BackupError::Connect(OwnerError::Unreachable(cause))) if tokio::time::Instant::now() < waking => {
                tracing::info!(cause, "waiting for the server of the drill");
                tokio::time::sleep(WAKE_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

/// Checks that the newest backup of the store is the newest that a run recorded: a deleted one would otherwise leave an
/// older one as the newest.
async fn check_newest(ledger: &Ledger, source: &Source) -> Result<(), BackupError> {
    let Some(recorded) = ledger.newest().await? else { return Ok(()) };
    let replaced = |found: String| Err(BackupError::Replaced { key: recorded.object_key.clone(), found });
    // Names start with a time.
    let (name, newest) = (BackupStore::name_of(source.archive()), BackupStore::name_of(&recorded.object_key));
    if name < newest {
        return replaced(format!("none that is newer than {}", source.archive()));
    }
    if name == newest {
        let sha256 = source.manifest().await?.sha256;
        if sha256 != recorded.sha256 {
            return replaced(format!("one with another SHA-256 ({sha256})"));
        }
    }
    Ok(())
}

/// Checks that the migrations create the schema that this build expects, on this server.
async fn check_schema(client: &Client) -> Result<(), BackupError> {
    let rows = client.query(schema::CATALOGUE.text(), &[]).await?;
    let found = rows.iter().map(SchemaObject::from_row).collect::<Result<_, _>>()?;
    match schema::differences(schema::expected(), found).first() {
        Some(difference) => Err(BackupError::Differs(difference.to_string())),
        None => Ok(()),
    }
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
    async fn prepare(plan: &Plan, ledger: &Ledger) -> Result<Self, BackupError> {
        let drill = plan.drill.as_ref().ok_or_else(|| {
            let fix = "set postgres://user:password@host:5432/postgres of another server, and of a role with CREATEDB";
            ConfigError::new("DRILL_DATABASE_URL", "not set, so there is nowhere to restore to", fix)
        })?;
        let name = plan.scratch_database()?;
        let server = connect(drill).await?;
        let production = ServerIdentity::of(ledger.client()).await?;
        if !plan.may_share_server && ServerIdentity::of(&server).await?.is_same(&production) {
            return Err(BackupError::SameServer);
        }
        let scratch = Self { login: drill.to_database(&name)?, server, name };
        scratch.clear().await?;
        Ok(scratch)
    }

    /// Creates the scratch database, which its login owns. Its name needs no quotes.
    async fn create(&self) -> Result<(), BackupError> {
        let create = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", self.name);
        Ok(self.server.batch_execute(&create).await?)
    }

    async fn clear(&self) -> Result<(), BackupError> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        Ok(self.server.batch_execute(&drop).await?)
    }
}
