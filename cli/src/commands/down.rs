//! `holdfast down`: stops a local run.

use std::path::PathBuf;

use clap::Args;
use holdfast::local::{self, Down as Ended};

use super::{DATA_DIR, print};

/// Stop the local run of a data folder, or the PostgreSQL that a killed run left behind; the data is kept
#[derive(Args)]
pub(super) struct Down {
    /// Data folder
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
}

impl Down {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let folder = self.data_dir.display();
        print(&match local::down(&self.data_dir).await? {
            Ended::Nothing => format!("Nothing runs in {folder}.\n"),
            Ended::Run(process) => format!("Stopped the run in {folder} (process {process}).\n"),
            Ended::Server(process) => format!("Stopped the PostgreSQL left in {folder} (process {process}).\n"),
        })
    }
}
