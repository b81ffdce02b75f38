//! The server process: started on a free port, ready when it accepts connections, stopped by a fast shutdown. Also finds and
//! stops the server that a killed run left behind.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::binaries::Server;
use super::error::ClusterError;
use super::home::Home;
use super::watch::Watch;
use super::{CertPaths, ClusterOptions, SUPERUSER};
use crate::data_dir;

/// Time limit of a start, which includes recovery after a crash.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Time limit of a fast shutdown; after it, an immediate one is requested.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Polling interval.
const PAUSE: Duration = Duration::from_millis(10);
/// Attempts to start, if another process takes the free port before the server does.
const MAX_TRIES: u8 = 5;

/// The running server.
pub(super) struct Postmaster {
    /// Port on the loopback interface.
    pub(super) port: u16,
    process: Child,
    watch: Watch,
}

impl Postmaster {
    /// Starts the server and waits until it accepts the superuser's connection. If this process is killed, the server
    /// stops by itself and `leftovers` are removed.
    pub(super) async fn start(
        home: &Home,
        server: &Server,
        options: &ClusterOptions,
        password: &SecretString,
        leftovers: Vec<std::path::PathBuf>,
    ) -> Result<Self, ClusterError> {
        let mut tries = 1;
        loop {
            let port = free_port().map_err(ClusterError::io("cannot listen on", Path::new("127.0.0.1")))?;
            let log = private_file(home, &home.log()).map_err(ClusterError::io("cannot write", &home.log()))?;
            let mut command = command(home, server, options, port)?;
            let errors = log.try_clone().map_err(ClusterError::io("cannot write", &home.log()))?;
            let process = command
                .stdout(log)
                .stderr(errors)
                .spawn()
                .map_err(ClusterError::io("cannot run", &server.program("postgres")))?;
            let watch = Watch::over(process.id(), &leftovers)?;
            // From here on, dropping it stops the server.
            let mut postmaster = Self { port, process, watch };
            match postmaster.ready(home, password).await {
                Ok(()) => return Ok(postmaster),
                Err(ClusterError::Died { reason, .. }) if tries < MAX_TRIES && is_port_taken(&reason) => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn ready(&mut self, home: &Home, password: &SecretString) -> Result<(), ClusterError> {
        let died = || ClusterError::Died { reason: last_error(&home.log()), log: home.log() };
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(SUPERUSER).password(password.expose_secret()).dbname("postgres");
        config.connect_timeout(Duration::from_secs(5));
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return Err(died());
            }
            match config.connect(NoTls).await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => return Err(error.into()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(died())
    }

    /// Stops the server: sessions end, committed data is kept.
    pub(super) fn stop(&mut self) {
        self.watch.end();
        let Ok(pid) = i32::try_from(self.process.id()) else { return };
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            send(pid, signal);
            let requested = Instant::now();
            while requested.elapsed() < STOP_LIMIT {
                if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(home: &Home, server: &Server, options: &ClusterOptions, port: u16) -> Result<Command, ClusterError> {
    let mut command = home.user.command(&server.program("postgres"), &home.path);
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        format!("max_connections={}", options.max_connections),
        "password_encryption=scram-sha-256".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "jit=off".to_owned(),
    ];
    if !options.durable {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    if let Some(CertPaths { certificate, key }) = &options.ssl {
        for (from, name) in [(certificate, "tls.crt"), (key, "tls.key")] {
            install(home, from, name).map_err(ClusterError::io("cannot install", from))?;
        }
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| home.path.join(name).display().to_string());
        settings.push("ssl=on".to_owned());
        settings.push(format!("ssl_cert_file={certificate}"));
        settings.push(format!("ssl_key_file={key}"));
    }
    command.arg("-D").arg(home.data());
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    Ok(command)
}

/// Copies a file so that only the server's user can read it.
fn install(home: &Home, from: &Path, name: &str) -> std::io::Result<()> {
    let content = std::fs::read(from)?;
    private_file(home, &home.path.join(name))?.write_all(&content)
}

/// Creates an empty file that only the server's user can read.
fn private_file(home: &Home, path: &Path) -> std::io::Result<File> {
    let file = data_dir::private().truncate(true).open(path)?;
    home.user.give(path)?;
    Ok(file)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_port_taken(reason: &str) -> bool {
    reason.contains("could not create any TCP/IP sockets") || reason.contains("Address already in use")
}

/// Returns the last error in the server's log.
fn last_error(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let error = text.lines().rev().find(|line| line.contains("FATAL: ") || line.contains("PANIC: "));
    let line = error.or(text.lines().last()).unwrap_or("its log is empty");
    line.split_once(": ").map_or(line, |(_, message)| message).trim().to_owned()
}

/// Stops the server of a killed run, if it still runs, and returns its process id. The caller holds the data folder's lock,
/// so no live run owns that server.
pub(crate) fn stop_orphan(home: &Home) -> Result<Option<i32>, ClusterError> {
    let data = home.data();
    let pid_file = data.join("postmaster.pid");
    let Some(pid) = first_line(&pid_file).and_then(|line| line.parse().ok()) else { return Ok(None) };
    if !is_postmaster_of(pid, &data) {
        // Another process has the id now, which the server would take for its own.
        if is_alive(pid) {
            std::fs::remove_file(&pid_file).map_err(ClusterError::io("cannot remove", &pid_file))?;
        }
        return Ok(None);
    }
    for signal in [Signal::INT, Signal::QUIT] {
        send(pid, signal);
        let requested = Instant::now();
        while requested.elapsed() < STOP_LIMIT {
            // The server removes its pid file shortly before it exits, and uses the data until then.
            if !is_postmaster_of(pid, &data) {
                return Ok(Some(pid));
            }
            std::thread::sleep(PAUSE);
        }
    }
    Err(ClusterError::Unstoppable(pid))
}

fn first_line(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()?.lines().next().map(|line| line.trim().to_owned())
}

fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Checks that the process is the server of this data folder, and not another one that reuses its id. A postmaster's working
/// directory is its data folder, which `/proc` shows; elsewhere `ps` shows its arguments.
fn is_postmaster_of(pid: i32, data: &Path) -> bool {
    if !is_alive(pid) {
        return false;
    }
    if Path::new("/proc/self/cwd").exists() {
        let directory = std::fs::read_link(format!("/proc/{pid}/cwd"));
        return directory.is_ok_and(|folder| Some(folder) == data.canonicalize().ok());
    }
    let arguments = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output();
    arguments.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy()))
}

fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // The process may have exited.
        let _ = kill_process(pid, signal);
    }
}
