//! The `holdfast` command. What fails is told in one line, with the mend, and exit code 1.

mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::Cli::parse().run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            // Where even that cannot be written, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "holdfast: {line}");
            ExitCode::FAILURE
        }
    }
}
