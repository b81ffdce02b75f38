//! Backups of a local run: those that an operator requests over HTTP, executed like the backup function's. There is no schedule
//! here.

use std::sync::Arc;
use std::time::Duration;

use holdfast_backup::{Plan, Task};
use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use tokio::task::JoinHandle;

/// Polling interval for requests. In a deployment it is five minutes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Task that waits for requests. Dropping it aborts the task; the next backup records an aborted one as failed.
pub(super) struct Requests(JoinHandle<()>);

impl Requests {
    /// Starts the task.
    pub(super) fn start(plan: Plan, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let ended = holdfast_backup::run(Task::Requested, &plan, clock.as_ref(), rng.as_ref(), &|_| ()).await;
                if let Err(error) = ended {
                    tracing::error!(%error, "a backup failed");
                }
            }
        }))
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.0.abort();
    }
}
