//! One of PostgreSQL's programs at work: bytes in or out through a pipe, and its last words where it fails.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::error::BackupError;

/// More than this of what a program says is not kept.
const MAX_WORDS: u64 = 64 << 10;

/// The running program. Dropping it kills it.
pub(crate) struct Running {
    name: &'static str,
    pub(crate) child: Child,
    words: JoinHandle<Vec<u8>>,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self, BackupError> {
        let spawned = command.stderr(Stdio::piped()).spawn();
        let failed = |cause: &dyn std::fmt::Display| BackupError::Program { program: name, cause: cause.to_string() };
        let mut child = spawned.map_err(|error| failed(&error))?;
        let words = child.stderr.take().ok_or_else(|| failed(&"it has no standard error"))?;
        Ok(Self { name, child, words: tokio::spawn(read(words)) })
    }

    /// Waits for its end, which must be a good one.
    pub(crate) async fn end(mut self) -> Result<(), BackupError> {
        let status = self.child.wait().await.map_err(|error| self.failed(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        let words = (&mut self.words).await.unwrap_or_default();
        Err(self.failed(last_words(&String::from_utf8_lossy(&words)).unwrap_or_else(|| status.to_string())))
    }

    pub(crate) fn failed(&self, cause: String) -> BackupError {
        BackupError::Program { program: self.name, cause }
    }
}

async fn read(words: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut words = words.take(MAX_WORDS);
    // What can no longer be read was not the cause.
    let _ = words.read_to_end(&mut kept).await;
    // The program must never wait for a reader.
    let _ = tokio::io::copy(&mut words.into_inner(), &mut tokio::io::sink()).await;
    kept
}

/// The first error that a program tells of. Lines after it may show what is in a table.
fn last_words(words: &str) -> Option<String> {
    let error = words.lines().find_map(|line| line.split_once("error: ").map(|(_, error)| error));
    error.or_else(|| words.lines().next_back()).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_and_no_row() {
        let words =
            "pg_restore: while RESTORING\npg_restore: error: COPY failed for table \"x\"\nDETAIL: Key (a)=(b)\n";
        assert_eq!(last_words(words).unwrap(), "COPY failed for table \"x\"");
        assert_eq!(last_words("killed\n").unwrap(), "killed");
        assert_eq!(last_words("\n"), None);
    }
}
