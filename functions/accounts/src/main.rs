//! The accounts function on AWS Lambda.

use std::process::ExitCode;

use holdfast_shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    holdfast_shared::lambda::run(
        "accounts",
        Needs { verification: true, vault: true, ..Needs::DATABASE },
        holdfast_accounts::router,
    )
    .await
}
