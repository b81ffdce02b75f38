//! `holdfast admin digests`: records the digests of a build and compares the live functions with them.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use holdfast::digests;

use super::print;

/// Write the digests of a build, or compare the live functions with them
#[derive(Args)]
pub(super) struct Digests {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the manifest of a build as JSON
    Write {
        /// Output folder of `cargo lambda build --output-format zip`
        #[arg(long, value_name = "FOLDER", default_value = "target/lambda")]
        folder: PathBuf,
        /// Commit of the build
        #[arg(long, default_value = "unknown")]
        commit: String,
    },
    /// List the functions whose code differs from the manifest; exit code 1 if there are any
    Verify {
        /// Output of `holdfast admin digests write`
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// Output of `aws lambda list-functions`
        #[arg(long, value_name = "FILE")]
        functions: PathBuf,
        /// Compare only the functions of this stack
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
    },
}

impl Digests {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Write { folder, commit } => {
                let manifest = digests::manifest(&folder, commit)?;
                print(&format!("{}\n", serde_json::to_string_pretty(&manifest)?))
            }
            Command::Verify { manifest, functions, stack } => {
                let mut functions = digests::listed(&functions)?;
                if let Some(stack) = stack {
                    functions = digests::of_stack(functions, &stack);
                }
                let differences = digests::differences(&manifest, &functions)?;
                if !differences.is_empty() {
                    bail!("{}", differences.join("; "));
                }
                print("Every function runs what was built.\n")
            }
        }
    }
}
