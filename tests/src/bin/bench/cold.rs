//! Cold starts: from the creation of the process to its first wait for an event, with the secret fetched, the keys loaded
//! and the database connected on the way.

use std::time::Duration;

use holdfast_tests::emulator::Emulator;

use crate::deployment::{self, Deployment};
use crate::quantile::median;
use crate::subject::Subject;

/// The number of measured starts.
const STARTS: usize = 21;

/// Returns the median duration of the init phase, as the emulator reports it.
pub(crate) async fn measure(deployment: &Deployment, subject: &Subject) -> Duration {
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(start(&deployment.instance(subject.function).await, subject).await);
    }
    median(starts)
}

/// Returns the duration of one start, triggered by a request.
pub(crate) async fn start(instance: &Emulator, subject: &Subject) -> Duration {
    deployment::body(&instance.invoke(&subject.event).await, 200);
    instance.init().unwrap_or_else(|| panic!("no init report: {}", instance.log()))
}
