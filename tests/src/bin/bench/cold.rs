//! Cold starts: from the creation of the process to its first wait for an event, with the secret fetched, the keys loaded
//! and the database connected on the way.

use std::time::Duration;

use holdfast_tests::emulator::Emulator;

use crate::deployment::{self, Deployment};
use crate::quantile::median;
use crate::subject::Subject;

/// Starts that are measured.
const STARTS: usize = 21;

/// The median of what the emulator reports as the init phase.
pub(crate) async fn measure(deployment: &Deployment, subject: &Subject) -> Duration {
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(start(&deployment.instance(subject.function).await, subject).await);
    }
    median(starts)
}

/// One start, with the request that makes it happen.
pub(crate) async fn start(instance: &Emulator, subject: &Subject) -> Duration {
    deployment::body(&instance.invoke(&subject.event).await, 200);
    instance.init().unwrap_or_else(|| panic!("no init report: {}", instance.log()))
}
