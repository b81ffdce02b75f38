//! Stops the server when this process ends without stopping it, as when it is killed. A shell waits for the end of a
//! pipe that only this process holds: however it ends, the pipe ends with it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::error::ClusterError;

/// `$1` is the server, the rest is to be removed after it. The wait has an end: where nobody collects orphans, as in many
/// containers, the server never quite disappears.
const SCRIPT: &str = r#"read -r _; server=$1; shift; tries=100
kill -INT "$server" 2>/dev/null
while kill -0 "$server" 2>/dev/null && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
[ $# -eq 0 ] || rm -rf -- "$@""#;

/// The waiting shell.
pub(super) struct Watch(Child);

impl Watch {
    /// Watches over a server.
    pub(super) fn over(server: u32, leftovers: &[PathBuf]) -> Result<Self, ClusterError> {
        let shell = Path::new("/bin/sh");
        let mut command = Command::new(shell);
        command.args(["-c", SCRIPT, "holdfast-watch", &server.to_string()]).args(leftovers);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().map(Self).map_err(ClusterError::io("cannot run", shell))
    }

    /// Ends it: the server is stopped by other means.
    pub(super) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
