//! A running PostgreSQL program: bytes in or out through a pipe, and its error message if it fails.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::error::BackupError;

/// Limit of the error output that is kept, in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// A running program. Dropping it kills the process.
pub(crate) struct RunningProgram {
    name: &'static str,
    pub(crate) child: Child,
    stderr: JoinHandle<Vec<u8>>,
}

impl RunningProgram {
    /// Starts a program.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self, BackupError> {
        let spawned = command.stderr(Stdio::piped()).spawn();
        let failed = |cause: &dyn std::fmt::Display| BackupError::Program { program: name, cause: cause.to_string() };
        let mut child = spawned.map_err(|error| failed(&error))?;
        let stderr = child.stderr.take().ok_or_else(|| failed(&"it has no standard error"))?;
        Ok(Self { name, child, stderr: tokio::spawn(read(stderr)) })
    }

    /// Waits for the end of the program.
    ///
    /// # Errors
    /// The program exited with a failure.
    pub(crate) async fn end(mut self) -> Result<(), BackupError> {
        let status = self.child.wait().await.map_err(|error| self.failed(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        let output = (&mut self.stderr).await.unwrap_or_default();
        Err(self.failed(first_error(&String::from_utf8_lossy(&output)).unwrap_or_else(|| status.to_string())))
    }

    pub(crate) fn failed(&self, cause: String) -> BackupError {
        BackupError::Program { program: self.name, cause }
    }
}

async fn read(stderr: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut stderr = stderr.take(MAX_ERROR_BYTES);
    // A failure to read is not the cause of the program's failure.
    let _ = stderr.read_to_end(&mut kept).await;
    // The program must never block on a full pipe.
    let _ = tokio::io::copy(&mut stderr.into_inner(), &mut tokio::io::sink()).await;
    kept
}

/// The first error that a program reports. Lines after it may contain rows of a table.
fn first_error(output: &str) -> Option<String> {
    let error = output.lines().find_map(|line| line.split_once("error: ").map(|(_, error)| error));
    error.or_else(|| output.lines().next_back()).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_reported_without_rows() {
        let output =
            "pg_restore: while RESTORING\npg_restore: error: COPY failed for table \"x\"\nDETAIL: Key (a)=(b)\n";
        assert_eq!(first_error(output).unwrap(), "COPY failed for table \"x\"");
        assert_eq!(first_error("killed\n").unwrap(), "killed");
        assert_eq!(first_error("\n"), None);
    }
}
