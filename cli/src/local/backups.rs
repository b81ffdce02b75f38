//! Backups of a local run: those that an operator asks for over HTTP, made as the backup function makes them on a schedule
//! in a deployment. Nothing else is backed up by itself here.

use std::sync::Arc;
use std::time::Duration;

use holdfast_backup::{Plan, Task};
use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use tokio::task::JoinHandle;

/// Between two looks whether somebody has asked. In a deployment it is five minutes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Waits for requests. It ends with this value; a backup that was under way is recorded as failed by the next.
pub(super) struct Requests(JoinHandle<()>);

impl Requests {
    /// Begins to wait.
    pub(super) fn await_them(plan: Plan, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
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
