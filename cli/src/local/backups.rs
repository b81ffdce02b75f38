//! Backups of a local run: those that an operator asks for over HTTP, made as the backup function makes them on a schedule
//! in a deployment. Nothing else is backed up by itself here.

use std::sync::Arc;
use std::time::Duration;

use ::backup::{Plan, Task};
use shared::clock::Clock;
use shared::entropy::Entropy;
use tokio::task::JoinHandle;

/// Between two looks whether somebody has asked. In a deployment it is five minutes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Waits for requests. It ends with this value; a backup that was under way is recorded as failed by the next.
pub(super) struct Requests(JoinHandle<()>);

impl Requests {
    /// Begins to wait.
    pub(super) fn await_them(plan: Plan, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let ended = ::backup::run(Task::Requested, &plan, clock.as_ref(), entropy.as_ref(), &|_| ()).await;
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
