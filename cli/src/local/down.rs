//! `holdfast down`: stops the run of a data folder, or the server that a killed run left behind.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{find_home, stop_orphan};
use crate::data_dir::{DataDir, DataDirError};

/// Time limit for a run to end: its requests, then its database.
const LIMIT: Duration = Duration::from_secs(30);

/// Result of `down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// Nothing was running.
    Nothing,
    /// Stopped a run with this process id.
    Run(i32),
    /// Stopped a database server without a run, with this process id.
    Server(i32),
}

/// Stops the run or the server of a data folder. The data is kept.
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
