//! The auth function on AWS Lambda.

use std::process::ExitCode;

use shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run("auth", Needs { signing: true, verification: true, vault: true }, auth::router).await
}
