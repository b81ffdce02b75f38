//! Warm requests, and the peak memory of the instance that served them.

use std::time::Duration;

use holdfast_tests::emulator::Emulator;

use crate::deployment::{self, Deployment};
use crate::memory;
use crate::quantile::{median, quantile};
use crate::subject::Subject;

/// The number of instances, measured one after another. The median counts.
pub(crate) const ROUNDS: usize = 5;
/// The number of calls before the measured ones.
const UNCOUNTED: usize = 20;

/// The measurements.
pub(crate) struct Warm {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The peak memory of all instances, in bytes.
    pub(crate) peak: u64,
}

/// Measures durations as the emulator reports them, which Lambda bills.
pub(crate) async fn measure(deployment: &Deployment, subject: &Subject) -> Warm {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(&deployment.instance(subject.function).await, subject).await);
    }
    Warm::of(&rounds)
}

/// Measures one instance.
pub(crate) async fn round(instance: &Emulator, subject: &Subject) -> Warm {
    for _ in 0..UNCOUNTED + subject.calls {
        deployment::body(&instance.invoke(&subject.event).await, 200);
    }
    let mut durations = instance.durations();
    let durations = durations.split_off(durations.len() - subject.calls);
    let process = instance.process().unwrap_or_else(|| panic!("no process: {}", instance.log()));
    Warm { p50: quantile(durations.clone(), 0.5), p99: quantile(durations, 0.99), peak: memory::peak(process) }
}

impl Warm {
    /// Returns the median figures of several instances, and the peak memory of all.
    pub(crate) fn of(rounds: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> Duration| median(rounds.iter().map(figure).collect());
        let peak = rounds.iter().map(|round| round.peak).max().unwrap_or_default();
        Self { p50: middle(|round| round.p50), p99: middle(|round| round.p99), peak }
    }
}
