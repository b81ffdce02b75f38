//! The auth function on AWS Lambda.

use std::process::ExitCode;

use holdfast_shared::config::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    holdfast_shared::lambda::run(
        "auth",
        Needs { database: true, signing: true, verification: true, vault: true },
        holdfast_auth::router,
    )
    .await
}
