//! The rotation function: Secrets Manager invokes it four times for each rotation, once a step.

use holdfast_rotation::Request;
use holdfast_shared::rng::SystemRng;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    holdfast_shared::telemetry::log::json();
    lambda_runtime::run(service_fn(handle)).await
}

/// A step that failed makes the invocation fail: Secrets Manager tries it again, and the alarm on errors hears of it.
async fn handle(event: LambdaEvent<Request>) -> Result<(), Error> {
    let request = event.payload;
    let (secret, step) = (&request.secret_id, request.step);
    holdfast_rotation::run(&request, &SystemRng)
        .await
        .inspect_err(|error| tracing::error!(secret, ?step, %error, "the rotation failed"))?;
    tracing::info!(secret, ?step, "the rotation's step is done");
    Ok(())
}
