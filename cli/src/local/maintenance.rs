//! Maintenance in a local run: at start and every minute, as schedules do it in a deployment.

use std::sync::Arc;
use std::time::Duration;

use holdfast_maintenance::{Plan, Task};
use holdfast_shared::clock::Clock;
use tokio::task::JoinHandle;

/// Between two runs.
const INTERVAL: Duration = Duration::from_mins(1);

/// The running schedule. It ends with this value, with what it was doing: a task takes up where it left off.
pub(super) struct Schedule(JoinHandle<()>);

impl Schedule {
    /// Begins it.
    pub(super) fn begin(plan: Plan, clock: Arc<dyn Clock>) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = holdfast_maintenance::run(&plan, &Task::ALL, clock.as_ref()).await {
                    tracing::error!(%error, "maintenance failed");
                }
            }
        }))
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.0.abort();
    }
}
