//! Maintenance in a local run: at start and every minute, instead of a deployment's schedules.

use std::sync::Arc;
use std::time::Duration;

use holdfast_maintenance::{Plan, Task};
use holdfast_shared::clock::Clock;
use tokio::task::JoinHandle;

/// Interval between two runs.
const INTERVAL: Duration = Duration::from_mins(1);

/// The running schedule. Dropping it aborts the current task, which continues in the next run.
pub(super) struct Schedule(JoinHandle<()>);

impl Schedule {
    /// Starts the schedule.
    pub(super) fn start(plan: Plan, clock: Arc<dyn Clock>) -> Self {
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
