//! Warm requests, and what an instance's memory grew to while it served them.

use std::time::Duration;

use crate::deployment::{self, Deployment};
use crate::memory;
use crate::quantile::{median, quantile};
use crate::subject::Subject;

/// Instances that are measured one after another; the middle one counts.
const ROUNDS: usize = 5;
/// Calls before those that count.
const UNCOUNTED: usize = 20;

/// What was measured.
pub(crate) struct Warm {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The largest of all instances, in bytes.
    pub(crate) peak: u64,
}

/// Durations as the emulator reports them, as the service does for billing.
pub(crate) async fn measure(deployment: &Deployment, subject: &Subject) -> Warm {
    let (mut p50, mut p99, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let instance = deployment.instance(subject.function).await;
        for _ in 0..UNCOUNTED + subject.calls {
            deployment::body(&instance.invoke(&subject.event).await, 200);
        }
        let durations = instance.durations().split_off(UNCOUNTED);
        assert_eq!(durations.len(), subject.calls, "the emulator reports every call");
        p50.push(quantile(durations.clone(), 0.5));
        p99.push(quantile(durations, 0.99));
        let process = instance.process().unwrap_or_else(|| panic!("no process: {}", instance.log()));
        peak = peak.max(memory::peak(process));
    }
    Warm { p50: median(p50), p99: median(p99), peak }
}
