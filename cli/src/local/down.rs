//! `holdfast down`: ends the run of a data folder, or the server that a killed one has left.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{find_home, stop_orphan};
use crate::data_dir::{DataDir, DataDirError};

/// How long a run may take to end: its requests, then its database.
const LIMIT: Duration = Duration::from_secs(30);

/// What was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// Nothing ran.
    Nothing,
    /// A run, with this process id.
    Run(i32),
    /// A database server without its run, with this process id.
    Server(i32),
}

/// Stops whatever runs in the data folder. What is kept there stays.
pub async fn down(path: &Path) -> anyhow::Result<Down> {
    let mut stopped = None;
    let started = Instant::now();
    while path.is_dir() {
        match DataDir::open(path) {
            Ok(dir) => {
                let server = match find_home(&dir)? {
                    Some(home) => tokio::task::spawn_blocking(move || stop_orphan(&home)).await??,
                    None => None,
                };
                return Ok(stopped.map(Down::Run).or(server.map(Down::Server)).unwrap_or(Down::Nothing));
            }
            Err(DataDirError::InUse { process: Some(process), .. }) if stopped.is_none() => {
                let pid = Pid::from_raw(process).context("the lock names no process; remove it")?;
                kill_process(pid, Signal::TERM)
                    .with_context(|| format!("process {process} cannot be stopped; stop it as its owner"))?;
                stopped = Some(process);
            }
            Err(DataDirError::InUse { .. }) if started.elapsed() < LIMIT => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => bail!(error),
        }
    }
    Ok(stopped.map_or(Down::Nothing, Down::Run))
}
