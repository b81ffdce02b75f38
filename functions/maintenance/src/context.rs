//! The context of a task: a connection as the maintenance role, the plan, the clock and the time limit.

use holdfast_shared::clock::Clock;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::error::{MaintenanceError, TaskError};
use crate::plan::Plan;
use crate::task::Task;

/// Also for a login as the owner: the tasks see and do no more than in the deployed function.
const SET_ROLE: &str = "SET ROLE holdfast_maintenance";

/// The first half of every task's lock; the task's number is the second.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"hold");
const LOCK: &str = "SELECT pg_try_advisory_lock($1, $2) AS locked";
const UNLOCK: &str = "SELECT pg_advisory_unlock($1, $2)";

/// The context of a task.
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) plan: &'a Plan,
    clock: &'a dyn Clock,
    end: Instant,
}

impl<'a> Context<'a> {
    pub(crate) async fn connect(plan: &'a Plan, clock: &'a dyn Clock) -> Result<Self, MaintenanceError> {
        let client =
            holdfast_shared::db::connect_maintenance(&plan.database_url, plan.database_ca_file.as_deref()).await?;
        client
            .batch_execute(SET_ROLE)
            .await
            .map_err(|error| MaintenanceError::Role(holdfast_shared::db::cause(&error)))?;
        Ok(Self { client, plan, clock, end: Instant::now() + plan.time_limit })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// True while another piece of work may begin.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.end
    }

    /// Takes a task's lock. It ends with the connection, however that ends.
    pub(crate) async fn lock(&self, task: Task) -> Result<bool, TaskError> {
        Ok(self.client.query_one(LOCK, &[&LOCK_CLASS, &task.lock()]).await?.try_get("locked")?)
    }

    /// Releases a task's lock. If that fails, the connection is lost, and the lock with it.
    pub(crate) async fn unlock(&self, task: Task) {
        if let Err(error) = self.client.execute(UNLOCK, &[&LOCK_CLASS, &task.lock()]).await {
            tracing::debug!(%error, "cannot unlock");
        }
    }
}
