//! The rotation function: Secrets Manager invokes it four times per rotation, once per step.

use holdfast_rotation::Request;
use holdfast_shared::rng::SystemRng;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// Fails the invocation if the step failed: Secrets Manager retries it, and the alarm on errors watches invocations.
async fn handle(event: LambdaEvent<Request>) -> Result<(), Error> {
    let request = event.payload;
    let (secret, step) = (&request.secret_id, request.step);
    holdfast_rotation::run(&request, &SystemRng)
        .await
        .inspect_err(|error| tracing::error!(secret, ?step, %error, "rotation failed"))?;
    tracing::info!(secret, ?step, "rotation step done");
    Ok(())
}
