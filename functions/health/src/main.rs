//! The health function on AWS Lambda.

use std::process::ExitCode;

use shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run("health", Needs::default(), health::router).await
}
