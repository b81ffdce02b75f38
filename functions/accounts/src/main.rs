//! The accounts function on AWS Lambda.

use std::process::ExitCode;

use shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run("accounts", Needs { verification: true, vault: true, ..Needs::default() }, accounts::router)
        .await
}
