//! The program under test, and a client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A folder for a data folder, removed at the end. Root's server, which runs as another user, may pass through.
pub(crate) fn place() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap()
}

/// The program with arguments, and none of this process's settings.
pub(crate) fn holdfast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(arguments).stdin(Stdio::null());
    for name in holdfast_shared::config::names() {
        command.env_remove(name);
    }
    command
}

/// Runs the program, which must fail with one line on standard error and exit code 1, and returns the line.
pub(crate) fn failure(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = holdfast(arguments).output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.contains(" INFO ")).collect();
    let line = lines.pop().unwrap();
    assert!(lines.is_empty(), "{text}");
    assert_eq!(status.code(), Some(1), "{text}");
    line.strip_prefix("holdfast: ").unwrap().to_owned()
}

/// Waits until a condition is true.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(process: i32, signal: Signal) {
    kill_process(Pid::from_raw(process).unwrap(), signal).unwrap();
}

/// A running `holdfast run`. Dropping it stops it.
pub(crate) struct Run {
    process: Child,
    address: String,
    /// Output until it was ready.
    pub(crate) welcome: String,
}

impl Run {
    /// Starts it on a free port, with its data in this folder, and waits until it serves.
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_as(holdfast(&["run", "--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()]))
    }

    pub(crate) fn start_as(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut welcome = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        while !welcome.contains("Ctrl-C stops it") {
            if output.read_line(&mut welcome).unwrap() == 0 {
                let mut errors = String::new();
                process.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                panic!("it did not start: {errors}");
            }
        }
        let address = welcome.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        // The log is drained, so that the process never blocks on a full pipe.
        let mut errors = process.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Self { process, address, welcome }
    }

    pub(crate) fn process(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Stops it as Ctrl-C does, and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        signal(self.process(), Signal::INT);
        self.process.wait().unwrap().code()
    }

    /// Kills it, so that it cannot clean up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Sends one request. Returns the status and the body.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = body.map(ToString::to_string).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let status = response.split(' ').nth(1).unwrap().parse().unwrap();
        (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Signs a user in with the credentials of the data folder.
    pub(crate) fn sign_in(&self, data_dir: &Path, user: &str) -> String {
        let credentials = credentials(data_dir);
        let login = &credentials["users"][user];
        let tenant = if user == "operator" { Value::Null } else { credentials["tenant"].clone() };
        let body = json!({"tenant": tenant, "username": login["username"], "password": login["password"]});
        let (status, body) = self.call("POST", "/auth/login", "", Some(&body));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            signal(self.process(), Signal::INT);
            let _ = self.process.wait();
        }
    }
}

/// The data folder's `credentials.json`.
pub(crate) fn credentials(data_dir: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(data_dir.join("credentials.json")).unwrap()).unwrap()
}

/// The process id of the data folder's server.
pub(crate) fn server_of(data_dir: &Path) -> i32 {
    let file = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

/// Checks whether a process is running.
pub(crate) fn runs(process: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
    state.map_or_else(
        |_| {
            !Path::new("/proc/self").exists()
                && rustix::process::test_kill_process(Pid::from_raw(process).unwrap()).is_ok()
        },
        |state| !state.rsplit(')').next().unwrap().starts_with(" Z"),
    )
}
