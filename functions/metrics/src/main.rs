//! The metrics function on AWS Lambda.

use std::process::ExitCode;

use holdfast_shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    holdfast_shared::lambda::run("metrics", Needs { verification: true, ..Needs::DATABASE }, holdfast_metrics::router)
        .await
}
