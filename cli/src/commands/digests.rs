//! `holdfast digests`: what was built, and whether that is what runs.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use holdfast::digests;

use super::print;

/// Writes the digests of what was built, or compares the live functions with them
#[derive(Args)]
pub(super) struct Digests {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the manifest of a build, as JSON
    Write {
        /// Where `cargo lambda build --output-format zip` left the functions
        #[arg(long, value_name = "FOLDER", default_value = "target/lambda")]
        folder: PathBuf,
        /// The commit that it was built from
        #[arg(long, default_value = "unknown")]
        commit: String,
    },
    /// Names every function whose code is not what the manifest has; exit code 1 where there is one
    Verify {
        /// What `holdfast digests write` printed
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// The live functions, as `aws lambda list-functions` gives them
        #[arg(long, value_name = "FILE")]
        functions: PathBuf,
        /// Only those of this stack
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
