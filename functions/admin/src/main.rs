//! The admin function on AWS Lambda.

use std::process::ExitCode;

use shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run("admin", Needs { verification: true, vault: true, ..Needs::default() }, admin::router).await
}
