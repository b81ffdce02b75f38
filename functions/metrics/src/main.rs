//! The metrics function on AWS Lambda.

use std::process::ExitCode;

use shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run("metrics", Needs { verification: true, ..Needs::default() }, metrics::router).await
}
