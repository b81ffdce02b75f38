//! The health function on AWS Lambda.

use std::process::ExitCode;

use holdfast_shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    holdfast_shared::lambda::run("health", Needs::DATABASE, holdfast_health::router).await
}
