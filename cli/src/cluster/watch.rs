//! Stops the server if this process ends without stopping it, as when it is killed. A shell waits for the end of a pipe that
//! only this process holds; the pipe closes when the process ends, in whatever way.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::error::ClusterError;

/// Script of the shell: `$1` is the server, the other arguments are removed after it. The wait is limited: in containers
/// without an init process, a dead server stays as a zombie.
const SCRIPT: &str = r#"read -r _; server=$1; shift; tries=100
kill -INT "$server" 2>/dev/null
while kill -0 "$server" 2>/dev/null && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
[ $# -eq 0 ] || rm -rf -- "$@""#;

/// The watching shell.
pub(super) struct Watch(Child);

impl Watch {
    /// Starts watching a server.
    pub(super) fn over(server: u32, leftovers: &[PathBuf]) -> Result<Self, ClusterError> {
        let shell = Path::new("/bin/sh");
        let mut command = Command::new(shell);
        command.args(["-c", SCRIPT, "holdfast-watch", &server.to_string()]).args(leftovers);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().map(Self).map_err(ClusterError::io("cannot run", shell))
    }

    /// Stops watching: the server is stopped by other means.
    pub(super) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
