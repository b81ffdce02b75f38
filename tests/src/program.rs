//! A program that runs beside the tests and writes a log, stopped when dropped.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

/// The time limit for a program to listen: an interpreter on a busy machine takes seconds.
const START_LIMIT: Duration = Duration::from_mins(1);
/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(10);

/// The running program.
pub struct Program {
    process: Child,
    log: PathBuf,
}

impl Program {
    /// Starts the program and waits until it listens.
    pub async fn start(mut command: Command, address: SocketAddr, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut program = Self { process, log: log.to_owned() };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let ended = program.process.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {}", program.log());
            assert!(started.elapsed() < START_LIMIT, "{command:?} does not listen: {}", program.log());
            tokio::time::sleep(PAUSE).await;
        }
        program
    }

    /// Returns its output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// Returns its running child processes.
    pub fn children(&self) -> Vec<u32> {
        let threads = Path::new("/proc").join(self.process.id().to_string()).join("task");
        let threads = threads.read_dir().into_iter().flatten().flatten();
        let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Children first, as long as the system knows their parent.
        for child in self.children().into_iter().filter_map(|id| Pid::from_raw(id.try_into().ok()?)) {
            let _ = kill_process(child, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
