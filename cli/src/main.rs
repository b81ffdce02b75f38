//! The `holdfast` command. A failure is reported as one line that names the fix, with exit code 1.

mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::Cli::parse().execute().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            // If even standard error is closed, the exit code still reports the failure.
            let _ = writeln!(std::io::stderr(), "holdfast: {line}");
            ExitCode::FAILURE
        }
    }
}
