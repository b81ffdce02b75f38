//! The rows of runs, as operators and metrics see them, and the lock that lets one run of a kind go on at a time. Both are
//! the database's own: they hold whichever machine a run is on.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::error::BackupError;
use crate::facts;
use crate::login::Login;

/// The first half of both kinds' locks.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"back");
const LOCK: &str = "SELECT pg_try_advisory_lock($1, $2)";
const UNLOCK: &str = "SELECT pg_advisory_unlock($1, $2)";

const REQUESTED: &str = "SELECT EXISTS (SELECT FROM public.backup_runs WHERE kind = 'backup' AND state = 'requested')";
const BEGIN: &str = "SELECT public.begin_backup_run($1, $2, $3, $4)";
const FINISH: &str = "SELECT public.finish_backup_run($1, $2, $3, $4)";

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A dump into the store.
    Backup,
    /// A restore of the newest one into a scratch database.
    Drill,
}

/// What a run found or made, as its row keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The dump.
    pub object_key: String,
    /// The schema's version in it.
    pub schema_version: i32,
    /// The size of the database on its server, in bytes.
    pub size_bytes: i64,
    /// The size of the dump, in bytes.
    pub compressed_bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// The server that was dumped, or restored to.
    pub server_version: String,
    /// The rows of each table.
    pub row_counts: std::collections::BTreeMap<String, i64>,
    /// Of a drill, whether the canary opened, or that there was no key to open it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<&'static str>,
}

/// The connection that holds the lock, which ends with it, however that ends.
pub(crate) struct Ledger {
    client: Client,
    login: Login,
    kind: Kind,
}

impl Kind {
    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
        }
    }

    /// The second half of its lock. Never given to another.
    const fn lock(self) -> i32 {
        match self {
            Self::Backup => 1,
            Self::Drill => 2,
        }
    }
}

impl Ledger {
    pub(crate) async fn open(login: &Login, kind: Kind) -> Result<Self, BackupError> {
        let client = login.connect().await?;
        facts::take_role(&client).await?;
        Ok(Self { client, login: login.clone(), kind })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether somebody has asked for a backup.
    pub(crate) async fn is_requested(&self) -> Result<bool, BackupError> {
        Ok(self.client.query_one(REQUESTED, &[]).await?.try_get(0)?)
    }

    /// Takes the lock, unless another run has it.
    pub(crate) async fn lock(&self) -> Result<bool, BackupError> {
        Ok(self.client.query_one(LOCK, &[&LOCK_CLASS, &self.kind.lock()]).await?.try_get(0)?)
    }

    /// Gives the lock back. What fails here has lost the connection, and the lock with it.
    pub(crate) async fn unlock(&self) {
        if let Err(error) = self.client.execute(UNLOCK, &[&LOCK_CLASS, &self.kind.lock()]).await {
            tracing::debug!(%error, "unlock");
        }
    }

    /// Begins a run: the one that was asked for, or this new one.
    pub(crate) async fn begin(&self, new: Uuid, client_version: &str, now: Timestamp) -> Result<Uuid, BackupError> {
        Ok(self.client.query_one(BEGIN, &[&new, &self.kind.name(), &client_version, &now]).await?.try_get(0)?)
    }

    /// Ends a run. Where the connection was lost, over a new one; where there is none, the next run says that this one ended.
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
