//! The rows of runs, which operators and metrics read, and the lock that allows one run of a kind at a time. Both are in
//! the database, so they hold across machines.

use holdfast_shared::db::FromRow;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::error::BackupError;
use crate::facts;
use crate::login::Login;

/// The first half of each kind's lock.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"back");
const LOCK: &str = "SELECT pg_try_advisory_lock($1, $2) AS locked";
const UNLOCK: &str = "SELECT pg_advisory_unlock($1, $2)";

const REQUESTED: &str =
    "SELECT EXISTS (SELECT FROM public.backup_runs WHERE kind = 'backup' AND state = 'requested') AS requested";
const BEGIN: &str = "SELECT public.begin_backup_run($1, $2, $3) AS id";
const NEWEST: &str = "SELECT object_key, sha256 FROM public.backup_runs
     WHERE kind = 'backup' AND state = 'succeeded' ORDER BY finished_at DESC, id DESC LIMIT 1";
const FINISH: &str = "SELECT public.finish_backup_run($1, $2, $3, $4)";

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// An archive written into the store.
    Backup,
    /// A restore of the newest backup into a scratch database.
    Drill,
}

/// Result of a run, as stored in its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The archive.
    pub object_key: String,
    /// Version of the schema in the archive.
    pub schema_version: i32,
    /// Size of the database on its server, in bytes.
    pub size_bytes: i64,
    /// Size of the archive, in bytes.
    pub compressed_bytes: u64,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub sha256: String,
    /// Version of the server that was backed up, or restored to.
    pub server_version: String,
    /// Number of rows of each table.
    pub row_counts: std::collections::BTreeMap<String, i64>,
    /// For a drill: `opened`, or `none` if there was no key to open the canary with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<&'static str>,
    /// For a backup: thumbprint of the key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

/// The newest backup, as its run recorded it.
#[derive(FromRow)]
pub(crate) struct RecordedBackup {
    pub(crate) object_key: String,
    pub(crate) sha256: String,
}

/// A connection that holds the lock. The lock ends with the connection, however that ends.
pub(crate) struct Ledger {
    client: Client,
    login: Login,
    kind: RunKind,
}

impl RunKind {
    /// Name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
        }
    }

    /// The second half of the lock. Never reused for another kind.
    const fn lock(self) -> i32 {
        match self {
            Self::Backup => 1,
            Self::Drill => 2,
        }
    }
}

impl Ledger {
    pub(crate) async fn open(login: &Login, kind: RunKind) -> Result<Self, BackupError> {
        let client = login.connect().await?;
        facts::take_role(&client).await?;
        Ok(Self { client, login: login.clone(), kind })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// True if a backup is requested.
    pub(crate) async fn is_requested(&self) -> Result<bool, BackupError> {
        Ok(self.client.query_one(REQUESTED, &[]).await?.try_get("requested")?)
    }

    /// The newest successful backup; none before the first.
    pub(crate) async fn newest(&self) -> Result<Option<RecordedBackup>, BackupError> {
        let row = self.client.query_opt(NEWEST, &[]).await?;
        Ok(row.as_ref().map(RecordedBackup::from_row).transpose()?)
    }

    /// Takes the lock, unless another run has it.
    pub(crate) async fn lock(&self) -> Result<bool, BackupError> {
        Ok(self.client.query_one(LOCK, &[&LOCK_CLASS, &self.kind.lock()]).await?.try_get("locked")?)
    }

    /// Releases the lock. If that fails, the connection is lost, and the lock with it.
    pub(crate) async fn unlock(&self) {
        if let Err(error) = self.client.execute(UNLOCK, &[&LOCK_CLASS, &self.kind.lock()]).await {
            tracing::debug!(%error, "cannot unlock");
        }
    }

    /// Begins a run: the requested one, or this new one.
    pub(crate) async fn begin(&self, new: Uuid, now: Timestamp) -> Result<Uuid, BackupError> {
        Ok(self.client.query_one(BEGIN, &[&new, &self.kind.name(), &now]).await?.try_get("id")?)
    }

    /// Ends a run; over a new connection if this one is lost. If that fails too, the next run records the end of this one.
    pub(crate) async fn finish(
        &self,
        run: Uuid,
        result: Result<&Summary, &BackupError>,
        now: Timestamp,
    ) -> Result<(), BackupError> {
        let error = result.err().map(|error| error.to_string().replace('\n', " "));
        let summary = serde_json::to_value(result.ok()).unwrap_or_default();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&run, &error, &summary, &now];
        if self.client.execute(FINISH, &values).await.is_ok() {
            return Ok(());
        }
        let again = Self::open(&self.login, self.kind).await?;
        again.client.execute(FINISH, &values).await?;
        Ok(())
    }
}
